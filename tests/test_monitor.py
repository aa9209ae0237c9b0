"""A monitor that somebody measured, said in a file: on the command line, in Python, in a sweep."""

import numpy as np
import pytest
import torch

import insilico
import insilico.reporting.report
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.experiments.examples import example
from insilico.experiments.protocol import Placement
from insilico.models.monitor import read_monitor
from insilico.runs.placed_probe import placed_probe
from insilico.runs.sweep_file import read_sweep
from stimuli import Display, cone_grating

# Another matrix than that of sRGB: its L and M cones are further apart.
CONES = ((0.4, 0.55, 0.05), (0.1, 0.8, 0.1), (0.02, 0.1, 0.88))
FILE = f"""
# Ours, measured in the dark.
transfer = "gamma:2"
cones = {[list(row) for row in CONES]}
"""

MODEL = """
import torch
from torch import nn

def cones():
    '''Two units that see the L cones of the monitor of above, and its M cones.'''
    net = nn.Sequential(nn.Conv2d(3, 2, 8, stride=8, bias=False))
    with torch.no_grad():
        rows = torch.tensor([[0.4, 0.55, 0.05], [0.1, 0.8, 0.1]])
        net[0].weight.copy_(rows[:, :, None, None].expand(2, 3, 8, 8) / 64)
    return net
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitor.toml").write_text(FILE)
    (tmp_path / "small.py").write_text(MODEL)
    return tmp_path


def test_a_file_says_what_a_display_is(here):
    assert read_monitor("monitor.toml") == {"transfer": "gamma:2", "cones": CONES}
    model = insilico.load_model("small.py:cones", pixels=48, monitor="monitor.toml")
    assert (model.card.display.transfer, model.card.display.cones) == ("gamma:2", CONES)
    # What a program, or the script of a rig, makes the model again with is no path.
    assert model.card.arguments["monitor"] == {"transfer": "gamma:2", "cones": CONES}
    probe, _ = placed_probe(model, ["0"], place=Placement(), degrees=4.0)
    wanted = Display.square(48, 4.0, transfer="gamma:2", cones=CONES)
    assert probe.display == wanted


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("gamma = 2.2", "the keys transfer, cones, background, any of them; got 'gamma'"),
        ("pixels = 64", r"got 'pixels'.* is said apart \(--degrees, --pixels, --frame-rate\)"),
        ("", "any of them; got nothing"),
        ("transfer = 2.2", 'is a word, such as "srgb" or "gamma:2.2"; got 2.2'),
        ('transfer = "gamma"', r"transfer must be 'encoded', .*; got 'gamma'"),
        ("cones = [[1, 2], [3, 4]]", "3 x 3 numbers: one row each for L, M and S"),
        ("cones = [[1, 1, 1], [1, 1, 1], [0, 0, 1]]", "the rows of cones depend on each other"),
        ("background = 0.5", "not all the same: how light a grey screen is, the battery says"),
        ("background = [0.5, 0.5, 0.5]", "Leave it out for a grey one"),
        ("background = [0.2, 0.5, 1.5]", "background must lie between 0 and 1"),
        ("cones = [[", "is no TOML file"),
    ],
)
def test_what_no_monitor_is_is_refused(here, capsys, said, message):
    (here / "wrong.toml").write_text(said)
    command = "run small.py:cones --layer 0 --battery colour --monitor wrong.toml --out out"
    assert main(command.split()) == 2
    with pytest.raises(UserError, match=message) as refused:
        read_monitor("wrong.toml")
    assert " ".join(str(refused.value).split()) in capsys.readouterr().err
    assert "wrong.toml" in str(refused.value)


def test_a_file_that_is_not_there(here, capsys):
    assert main(["layers", "small.py:cones", "--monitor", "nowhere.toml"]) == 2
    assert "there is no file nowhere.toml of a monitor" in capsys.readouterr().err


def test_stimuli_are_drawn_for_the_monitor(here):
    """Cone contrasts are those of its own cones, and its values those that it makes light of."""
    shown = {"l_contrast": 0.2, "m_contrast": 0.0, "s_contrast": 0.0}
    whole = {"orientation": 90, "spatial_frequency": 0.25, "phase": 0.0}
    display = placed_probe(
        insilico.load_model("small.py:cones", pixels=48, monitor="monitor.toml"),
        ["0"],
        place=Placement(),
    )[0].display
    linear = cone_grating(display, **shown, **whole)[0].double() ** 2
    cones = torch.einsum("cr,rhw->chw", torch.tensor(CONES).double(), linear)
    contrast = (cones / cones.mean((1, 2), keepdim=True) - 1).abs().amax((1, 2))
    np.testing.assert_allclose(contrast, [0.2, 0, 0], atol=0.002)
    # To the cones of sRGB the same light is another contrast.
    other = torch.einsum("cr,rhw->chw", torch.tensor(Display().cones).double(), linear)
    contrast = (other / other.mean((1, 2), keepdim=True) - 1).abs().amax((1, 2))
    assert contrast[1] > 0.02


def test_the_command_line_measures_other_cone_weights(here, monkeypatch):
    """Units that see the L cones of this monitor, and its M cones, and no others."""
    monkeypatch.setattr(insilico.reporting.report, "write_report", lambda _, folder: folder)
    (here / "linear.toml").write_text(FILE.replace("gamma:2", "encoded"))
    command = "run small.py:cones --layer 0 --battery colour --pixels 48 --degrees 6 -q --seed 0"
    weights = {}
    for name in ("linear.toml", None):
        told = ["--monitor", name] if name else []
        assert main([*command.split(), *told, "--out", f"of-{name}"]) == 0
        units = insilico.open_results(f"of-{name}").units
        weights[name] = np.stack([units[f"{cone}_weight"].to_numpy() for cone in "lms"], 1)
    # Of one kind of cones alone the sign is not known: that of M is taken, which is 0 here.
    np.testing.assert_allclose(abs(weights["linear.toml"]), [[1, 0, 0], [0, 1, 0]], atol=0.02)
    assert (np.abs(abs(weights[None]) - abs(weights["linear.toml"])).max(1) > 0.1).all()
    said = insilico.open_results("of-linear.toml").provenance["display"]
    assert said["cones"] == [list(row) for row in CONES]


def test_a_contact_sheet_is_that_of_the_monitor(here, capsys):
    fingerprints = []
    for told in ([], ["--monitor", "monitor.toml"]):
        out = f"sheet{len(told)}.png"
        command = ["stimuli", "cone_grating", "--out", out, "--pixels", "48", *told]
        assert main(command) == 0
        fingerprints.append(capsys.readouterr().out.split(",")[1].split(":")[0])
    assert fingerprints[0] != fingerprints[1]
    assert example("orientation", pixels=48, monitor="monitor.toml").display.transfer == "gamma:2"


def test_a_coloured_background_stays(here):
    (here / "blue.toml").write_text("background = [0.3, 0.4, 0.6]")
    shown = example("orientation", pixels=48, monitor="blue.toml")
    assert shown.display.background == (0.3, 0.4, 0.6)
    model = insilico.load_model("small.py:cones", pixels=48, monitor="blue.toml")
    probe, _ = placed_probe(model, ["0"], place=Placement(), background=0.5)
    assert probe.display.background == (0.3, 0.4, 0.6)


def test_a_sweep_takes_a_file_or_what_it_says(here):
    (here / "sweep.toml").write_text('models = ["vone"]\n[load]\nmonitor = "monitor.toml"\n')
    [cell] = read_sweep("sweep.toml").plan
    assert cell.load["monitor"] == {"transfer": "gamma:2", "cones": CONES}
    (here / "sweep.toml").write_text('models = ["vone"]\n[load.monitor]\ntransfer = "srgb"\n')
    assert read_sweep("sweep.toml").plan[0].load["monitor"] == {"transfer": "srgb"}
    (here / "sweep.toml").write_text('models = ["vone"]\n[load.monitor]\ntransfer = "vga"\n')
    with pytest.raises(UserError, match="transfer must be 'encoded'"):
        read_sweep("sweep.toml")
