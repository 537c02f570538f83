"""Plans to look at: dry runs and what-ifs. Nothing of them is sent."""

from __future__ import annotations

from vpp.client.call import SOLVE_DEADLINE_S, Call
from vpp.rpcgen import dispatch_pb2 as pb

_DISPATCH = "/vpp.v1.DispatchService"


def dry_run(request_id: str, *, max_assets: int = 0, portfolio: str = "") -> Call[pb.DryRunResponse]:
    """Plan the next interval as a cycle would now, and compare with the plan in force."""
    return Call(
        path=f"{_DISPATCH}/DryRun",
        request=pb.DryRunRequest(request_id=request_id, max_assets=max_assets, portfolio=portfolio),
        answer=pb.DryRunResponse,
        deadline_s=2 * SOLVE_DEADLINE_S,  # it may have to wait for a live cycle
    )


def what_if(request: pb.WhatIfRequest) -> Call[pb.WhatIfResponse]:
    """Plan under other circumstances, and compare with a plan under the present ones."""
    return Call(
        path=f"{_DISPATCH}/WhatIf",
        request=request,
        answer=pb.WhatIfResponse,
        deadline_s=3 * SOLVE_DEADLINE_S,  # two plans, and it may have to wait for a live cycle
    )
