"""An identity register and an authority for the wire tests, on a real SQLite file."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

from tests.integration.rpc.plant import Plant
from vpp.adapters.authority import IssuingAuthority
from vpp.adapters.rpc.credentials import CredentialFiles
from vpp.adapters.rpc.doorkeeper import Doorkeeper
from vpp.adapters.rpc.enrolment import EnrolmentServicer, IdentityServicer
from vpp.adapters.rpc.enrolment_server import start_enrolment_server
from vpp.adapters.storage import open_identities
from vpp.service.identity import create_token, revoke


class WallTime:
    """The wall's time, moved by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class GuardedPlant(Plant):
    """A plant with a register, an authority that issues, a doorkeeper and the enrolment listener.

    `database` is an SQLite file with all tables.
    """

    def __init__(self, certificates, database, **options) -> None:
        super().__init__(certificates, **options)
        self.url = f"sqlite:///{database}"
        self.wall = WallTime()
        self.validity = timedelta(days=30)

    async def start(self):
        self.register = open_identities(self.url)
        authority = self.certificates / "authority.pem"
        self.authority = IssuingAuthority.load(
            authority, authority.with_suffix(".key"), trusted=authority, validity=self.validity
        )
        self.doorkeeper = Doorkeeper(self.register, now=self.wall)
        self.identity_servicer = IdentityServicer(
            register=self.register, authority=self.authority, now=self.wall
        )
        self.servicers |= {"doorkeeper": self.doorkeeper, "identity_servicer": self.identity_servicer}
        await super().start()
        self.enrolment_servicer = EnrolmentServicer(
            register=self.register, authority=self.authority, fleet=self.fleet, now=self.wall
        )
        self.enrolment = await self.start_enrolment()

    async def start_enrolment(self):
        authority = self.certificates / "authority.pem"
        return await start_enrolment_server(
            credentials=CredentialFiles(
                authority=authority,
                certificate=self.certificates / "server.pem",
                key=self.certificates / "server.key",
            ),
            servicer=self.enrolment_servicer,
        )

    async def token(self, node_id="home", *, asset_ids=(), validity=timedelta(hours=1)) -> str:
        text, _ = await create_token(
            self.register,
            self.fleet,
            node_id=node_id,
            asset_ids=asset_ids,
            validity=validity,
            by="tester",
            now=self.wall(),
        )
        return text

    async def revoke(self, *, node_id="", serial="") -> None:
        await revoke(
            self.register, node_id=node_id, serial=serial, reason="stolen", by="tester", now=self.wall()
        )

    async def events(self, kind):
        page = await self.register.events(page_size=100, page_token="")
        return [event for event in page.items if event.kind == kind]


@contextlib.asynccontextmanager
async def guarded_plant(certificates, database, **options):
    """Run a guarded plant for the length of a block."""
    plant = GuardedPlant(certificates, database, **options)
    await plant.start()
    try:
        yield plant
    finally:
        await plant.enrolment.stop(0.0)
        await plant.server.stop(0.0)
        await plant.register.close()
