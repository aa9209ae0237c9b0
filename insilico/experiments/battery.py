"""Battery: a set of experiments, checked when it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from types import MappingProxyType

from insilico import reference
from insilico.errors import UserError
from insilico.experiments.protocol import Protocol, placed, prerequisites
from insilico.experiments.rehearsal import Rehearsed, as_declared, rehearse
from insilico.own_code import did_you_mean
from stimuli import Display, Position, StimulusSet

__all__ = ["Battery"]

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Battery:
    """Protocols, what their properties are compared with, and how activations become rates.

    A battery is checked when it is made: it is rehearsed on invented responses, so that what would
    fail after a recording fails before it.

    Parameters
    ----------
    name : str
        What ``--battery`` takes.
    protocols : tuple of Protocol
        The experiments, in their order.
    references : tuple of str
        The reference distributions that the population is compared with.
    rates_from : str, optional
        The protocol whose recording fixes the map from activations to firing rates; None where all
        is measured on activations.
    background : float
        Luminance of the blank display.
    most_units : int, optional
        Of how many units of a layer, drawn at random, it is recorded unless a run says otherwise;
        of all by default. For experiments at each unit's own optimum, which few units share.
    partial : bool
        Whether experiments whose stimuli the display of a model cannot show are left out of a run,
        and named, instead of refused.
    declared : bool
        Whether what protocols declare of themselves is believed, without a rehearsal: those of this
        package are rehearsed by its tests.
    known : mapping of str to Rehearsed, optional
        Of a part of a battery, or of one that is shown otherwise, what is known of the whole.

    Attributes
    ----------
    rehearsed : mapping of str to Rehearsed
        By protocol: names of its properties, and a preference at which it can be shown.

    Raises
    ------
    UserError
        Says which protocol has what wrong: two of one name, ``after`` a protocol that is unknown or
        comes later, two properties of one name, a property without a name or that returns neither
        DataArray nor Dataset, ``rates_from`` that no protocol provides or that comes too late.
    """

    name: str
    protocols: tuple[Protocol, ...]
    references: tuple[str, ...] = ()
    rates_from: str | None = "orientation"
    background: float = 0.5
    most_units: int | None = None
    partial: bool = False
    rehearsed: Mapping[str, Rehearsed] = field(init=False, repr=False, compare=False)
    declared: InitVar[bool] = False
    known: InitVar[Mapping[str, Rehearsed] | None] = None

    def __post_init__(self, declared: bool, known: Mapping[str, Rehearsed] | None) -> None:
        self._check_names()
        self._check_order()
        if declared:
            known = as_declared(self.protocols)
        elif known is None:
            known = rehearse(
                self.name,
                self.protocols,
                rates_from=self.rates_from,
                references=self.references,
                background=self.background,
            )
        object.__setattr__(self, "rehearsed", known)

    def __getitem__(self, name: str) -> Protocol:
        for protocol in self.protocols:
            if protocol.name == name:
                return protocol
        raise UserError(
            f"the {self.name} battery has no experiment {name!r}; it has {self._names()}. "
            f"{did_you_mean(name, (protocol.name for protocol in self.protocols))}"
        )

    def example(self, name: str, display: Display, position: Position) -> StimulusSet:
        """Make the stimuli of a protocol, for an invented unit where they depend on one.

        Parameters
        ----------
        name : str
            The protocol.
        display : Display
            The screen.
        position : Position
            Where they are shown.

        Returns
        -------
        StimulusSet
        """
        return placed(self[name], display, position, self.rehearsed[name].preference)

    def only(self, names: Iterable[str], *, rates: bool = True) -> "Battery":
        """Take some of the protocols, with those that they depend on.

        Parameters
        ----------
        names : iterable of str
            Which ones.
        rates : bool
            Whether the protocol that firing rates are fitted to comes along.

        Returns
        -------
        Battery
            Compared with the references of the properties that are left.

        Raises
        ------
        UserError
            If the battery has no such protocol; says which it has.
        """
        chosen = [
            self[name].name
            for name in [*names, *([self.rates_from] if rates and self.rates_from else [])]
        ]
        wanted = prerequisites(self.protocols, chosen)
        kept = tuple(each for each in self.protocols if each.name in wanted)
        known = {each.name: self.rehearsed[each.name] for each in kept}
        measured = {name for each in known.values() for name in each.properties}
        return replace(
            self,
            protocols=kept,
            references=tuple(each for each in self.references if _property(each) in measured),
            rates_from=self.rates_from if rates else None,
            known=known,
        )

    def suiting(
        self, display: Display, lacking: Mapping[str, str] = NOTHING
    ) -> tuple["Battery", list[str]]:
        """Leave out what does not suit a model or its display, and what comes after that.

        Parameters
        ----------
        display : Display
            The screen of a model.
        lacking : mapping of str to str
            What protocols may need and the model does not offer, each with the reason; from
            `insilico.experiments.scope.lacking`.

        Returns
        -------
        battery : Battery
            The rest. What the display cannot show stays in, to be refused when it is drawn, unless
            the battery is ``partial``.
        left_out : list of str
            One sentence for each experiment that is not in it, which says why.

        Raises
        ------
        UserError
            If nothing is left, or the protocol that firing rates are taken from cannot be shown.
        """
        reasons: dict[str, str] = {}
        for protocol in self.protocols:
            missing = [name for name in protocol.after if name in reasons]
            if missing:
                reasons[protocol.name] = f"it comes after {', '.join(missing)}"
            elif protocol.needs in lacking:
                reasons[protocol.name] = lacking[protocol.needs]
            elif self.partial:
                try:
                    stimuli = self.example(protocol.name, display, Position())
                    stimuli.images([0, len(stimuli) - 1])
                except ValueError as error:
                    reasons[protocol.name] = str(error)
        kept = [each.name for each in self.protocols if each.name not in reasons]
        if not kept:
            raise UserError(
                f"nothing of the {self.name} battery suits this model: "
                f"{'; '.join(dict.fromkeys(reasons.values()))}."
            )
        if self.rates_from in reasons:
            raise UserError(
                f"firing rates come from {self.rates_from}, and {reasons[self.rates_from]}"
            )
        told = [f"{name} is left out: {why}" for name, why in reasons.items()]
        return (self.only(kept) if reasons else self), told

    def _names(self) -> str:
        return ", ".join(each.name for each in self.protocols)

    def _check_names(self) -> None:
        if not self.protocols:
            raise UserError(f"the {self.name} battery has no protocol; give at least one.")
        names = [each.name for each in self.protocols]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(
                f"the {self.name} battery has two protocols named {twice[0]!r}; a name is that of "
                "one recording and one curve. Rename one."
            )
        if self.rates_from is not None and self.rates_from not in names:
            raise UserError(
                f"the {self.name} battery takes firing rates from {self.rates_from!r}, which is "
                f"none of its protocols: {self._names()}. Give rates_from=..."
            )

    def _check_order(self) -> None:
        names = [each.name for each in self.protocols]
        for place, protocol in enumerate(self.protocols):
            for name in protocol.after:
                if name not in names:
                    raise UserError(
                        f"protocol {protocol.name!r} comes after {name!r}, which the {self.name} "
                        f"battery does not hold; it has {self._names()}."
                    )
                if names.index(name) >= place:
                    raise UserError(
                        f"protocol {protocol.name!r} comes after {name!r}, but stands before it in "
                        f"the {self.name} battery. Change their order."
                    )
            fitted = 0 if self.rates_from is None else names.index(self.rates_from)
            if protocol.scale == "rates" and place < fitted:
                raise UserError(
                    f"protocol {protocol.name!r} is measured on firing rates, but stands before "
                    f"{self.rates_from!r}, which they are fitted to. Change their order, or "
                    "measure it on activations (scale='activations')."
                )


def _property(name: str) -> str:
    return reference.load(name).property
