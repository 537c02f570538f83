"""What an installation compiles is what readings go through."""

from __future__ import annotations

from vpp.adapters.rpc import batch_bytes, kernels
from vpp.domain import judging, newest


def test_every_loop_that_readings_go_through_is_compiled(capsys):
    kernels.main()
    loops = (batch_bytes._read_batch, judging._judge_alone, judging._judge_together, newest._keep_newest)
    before = [len(loop.signatures) for loop in loops]
    assert min(before) > 0
    assert "compiled" in capsys.readouterr().out
    kernels.compile_kernels()
    assert [len(loop.signatures) for loop in loops] == before, "nothing is left to compile"
