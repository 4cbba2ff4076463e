"""Two processes train one model: gradients averaged, everything identical, the batches different."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

PROGRAM = """
import sys, torch
from torch import distributed
from safetensors.torch import save_file
from genmodels.models import build
from genmodels.training import Trainer
distributed.init_process_group("gloo")
torch.set_num_threads(1)
images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
model = build(sys.argv[1], (1, 28, 28), 10, 0, batch=16)
trainer = Trainer(model, images, torch.arange(64) % 10, 0, "cpu")
drawn = trainer.order.get_state()
for _ in range(3):
    progress = trainer.round()
rank = distributed.get_rank()
state = {k: v for k, v in trainer.state().items() if k.startswith(("model.", "average.", "optimizer."))}
save_file(state | {"drawn": drawn, "images": torch.tensor(progress.images)}, f"{sys.argv[2]}/{rank}.safetensors")
distributed.destroy_process_group()
"""


def torchrun(*command):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    here = os.environ | {"PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launcher, *map(str, command)], capture_output=True, text=True, timeout=200, env=here)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_ranks_agree_to_the_last_bit_on_different_batches(name, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    torchrun(tmp_path / "program.py", name, tmp_path)
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert not first.pop("drawn").equal(second.pop("drawn"))
    assert first["images"] == 3 * 16 * 2
    for key in first:
        assert first[key].equal(second[key]), key


@pytest.mark.slow
def test_the_command_line_under_torchrun(tmp_path):
    out = tmp_path / "two.safetensors"
    done = torchrun("-m", "genmodels", "train", "gan", "mnist", "--rounds", 4, "--set", "width=16", "--out", out)
    assert done.stdout.count("MNIST, 60,000 of 60,000") == 1
    assert out.is_file()
