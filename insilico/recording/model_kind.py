"""What kind of model it is: how it has to be run so that a response is that of a picture."""

from dataclasses import dataclass

import torch

__all__ = ["ModelKind"]


@dataclass(frozen=True)
class ModelKind:
    """How a model has to be run, by what `insilico.recording.model_examination.examine` found.

    Parameters
    ----------
    deterministic : bool
        Whether it responds to the same picture in the same way every time.
    repeatable : bool
        Whether a seed repeats its noise.
    whole_passes : bool
        Whether it must run to its end, for it then clears what it keeps.
    put_back : bool
        Whether its responses depend on the pictures before, so that it is put back before every
        pass into the state in which it was found.
    rewrites_weights : bool
        Whether its weights are part of that state.
    one_at_a_time : bool
        Whether its responses depend on the other pictures of a batch, or it takes no batch.
    dtype : torch.dtype
        What it takes pictures in.
    """

    deterministic: bool = True
    repeatable: bool = True
    whole_passes: bool = False
    put_back: bool = False
    rewrites_weights: bool = False
    one_at_a_time: bool = False
    dtype: torch.dtype = torch.float32

    @property
    def notes(self) -> list[str]:
        """What a user should know, one sentence each."""
        said = {
            "the model is stochastic; each stimulus was recorded in one noisy pass, in full "
            "pictures": not self.deterministic,
            "no seed repeats the model's noise (it has a source of its own, or remembers in a "
            "place that cannot be reset): another run gives other numbers": not self.repeatable,
            "the model keeps something that it clears at the end of a forward pass: it was run to "
            "its end for every picture": self.whole_passes,
            "what the model returns depends on what it was shown before: it was put back into the "
            "state in which it was found before every pass": self.put_back,
            "what the model returns for a picture depends on the others of the batch, or it takes "
            "no others: it was shown one picture at a time": self.one_at_a_time,
            f"the model computes in {str(self.dtype).removeprefix('torch.')}; responses are kept "
            "in float32": self.dtype != torch.float32,
        }
        return [sentence for sentence, holds in said.items() if holds]
