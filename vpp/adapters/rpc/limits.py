"""Every maximum of the gRPC server, in one place; each has a test that reaches it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

PROTOCOL_VERSION: Final = 2
MIN_PROTOCOL_VERSION: Final = 1  # nodes of this version are still served

# One message ------------------------------------------------------------------------------------
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
MAX_TEXT_LENGTH: Final = 256  # characters of any free text from outside; longer is cut
MAX_ASSETS_PER_NODE: Final = 10_000
MAX_BATCH_ROWS: Final = 10_000  # readings, acknowledgements or setpoints in one message
MAX_STAYS_PER_MESSAGE: Final = 1_000
MAX_REFUSALS_PER_MESSAGE: Final = 8
MAX_NUMBER: Final = 2**63 - 1  # epochs, sequences and reading numbers, as databases hold them
MAX_FEEDER_POWER_KW: Final = 1e9
MAX_FEEDER_OVERLOAD: Final = 10.0  # times both limits of a feeder: a meter that says more is wrong
MAX_UNIX_TIME_S: Final = 4_102_444_800  # the year 2100; nothing is measured later

# Leases, seconds of plant time ------------------------------------------------------------------
MIN_LIFETIME_S: Final = 10.0
MAX_LIFETIME_S: Final = 900.0

# Queues -----------------------------------------------------------------------------------------
MAX_OUTGOING_MESSAGES: Final = 64  # waiting for one stream; beyond it only the newest orders stay
MAX_PENDING_REFUSALS: Final = 16
MAX_REMEMBERED_DISPATCHES: Final = 32  # orders kept to be given again to nodes that come back
MAX_GATHERED_READINGS: Final = 4_000  # of all nodes, that are judged together; more fall out of the cache
GATHERING_PERIOD_S: Final = 0.005  # of the wall, after which they are at the latest
MAX_WAITING_READINGS: Final = (
    1_000_000  # rows that wait for the database; their nodes keep what finds no room
)
# Of these, what one node may fill: a node's buffer of 20,000, and ten minutes without a database.
MAX_WAITING_READINGS_PER_NODE: Final = 30_000
MAX_WAITING_READINGS_PER_ASSET: Final = 100
MAX_WAITING_WORDS_PER_NODE: Final = 20_000  # acknowledgements: two messages of the largest size
MAX_WAITING_ROWS: Final = 100_000  # the same for acknowledgements, stays and feeder metering
MAX_ROWS_PER_WRITE: Final = 50_000
MAX_STOPPED_ASSETS: Final = 10_000  # named in one Stop or Release; a feeder or the fleet needs no names
MAX_COMPARED_ASSETS: Final = 1_000  # in the answer of a dry run
MAX_OVERRIDE_S: Final = 86_400  # of the plant
MAX_REMEMBERED_REQUESTS: Final = 1_024  # request ids of TriggerRun
MAX_STAYS_PER_ASSET: Final = 64  # announced and not over

# Remarks for the forecaster ---------------------------------------------------------------------
MAX_CONTEXT_LENGTH: Final = 2_000  # characters; the prompt shows fewer
MAX_CONTEXT_VALIDITY: Final = timedelta(days=31)

# Signals ----------------------------------------------------------------------------------------
MAX_SIGNALS_PER_REQUEST: Final = 1_000
MAX_PAGE_SIGNALS: Final = 1_000

# One node, seconds of the wall ------------------------------------------------------------------
MESSAGES_PER_S: Final = 200.0  # a node that says more is read more slowly
MESSAGE_BURST: Final = 2_000.0  # and may say so much at once, such as its buffer after an outage
ROWS_PER_MESSAGE_COST: Final = 200.0  # so many readings in a message cost as much as one more message
MAX_UNGREETED_PER_NODE: Final = 4  # streams of one certificate that have not said Hello
MAX_PINGED_AT_ONCE: Final = 50  # nodes; the others in turn, spread over the period of pings
TELLING_PERIOD_S: Final = 0.05  # in which a part of the nodes is told what is durable
SILENCE_PERIODS: Final = 3  # of pings without any word of the node; then its stream is closed,
SHORTEST_SILENCE_S: Final = 30.0  # but never earlier than this

# Commands, seconds of plant time ----------------------------------------------------------------
CHANGE_PERIOD_S: Final = 10.0  # one changed command for each asset in this time; stops are exempt
RETRY_BUDGET: Final = 0.1  # orders given again, as a share of orders given first

# One person, seconds of the wall ----------------------------------------------------------------
READ_BURST: Final = 500  # calls at once …
READ_REFILL_S: Final = 0.01  # … and one more every so often
WRITE_BURST: Final = 50
WRITE_REFILL_S: Final = 0.2
MAX_CALLERS: Final = 10_000  # whose pace is remembered

# Sessions ---------------------------------------------------------------------------------------
MAX_SESSIONS: Final = 20_000  # nodes with a stream; one stream for each node, a new one replaces it
MAX_UNGREETED_STREAMS: Final = 20_000
HELLO_TIMEOUT_S: Final = 10.0  # of the wall
HANDSHAKE_TIMEOUT_S: Final = 20
GIVE_BACK_PERIOD_S: Final = 1.0  # of the wall, between two looks at …
SESSIONS_PER_GIVE_BACK: Final = 100  # … how many have ended, after which free memory is given back
DRAIN_GRACE_S: Final = 2.0  # for last words to nodes when the service stops
RECONNECTS_PER_S: Final = 500.0  # by this nodes are told over which time to spread their return
SHORTEST_RECONNECT_S: Final = 1.0
MAX_STREAM_AGE_S: Final = 3_600
STREAM_AGE_GRACE_S: Final = 10

# Watching ---------------------------------------------------------------------------------------
MAX_WATCHES: Final = 64  # of the fleet, over all callers
MAX_WATCHES_PER_CALLER: Final = 8
MAX_WATCH_ROWS: Final = 20_000  # assets in one message
SHORTEST_WATCH_PERIOD_S: Final = 0.2
LONGEST_WATCH_PERIOD_S: Final = 60.0
USUAL_WATCH_PERIOD_S: Final = 0.5

# Watching runs ----------------------------------------------------------------------------------
MAX_RUN_WATCHES: Final = 64  # streams at once
RUN_WAIT_S: Final = 300.0  # of the wall, for a run that was asked for to begin
RUN_LOOK_S: Final = 1.0  # of the wall, after which a stream looks even when nothing told it to

# Pages ------------------------------------------------------------------------------------------
MAX_PAGE_STATES: Final = 10_000
MAX_PAGE_RUNS: Final = 1_000
MAX_PAGE_SCHEDULES: Final = 1_000_000  # feeders and assets of a plan; what fits a message is fewer
MAX_PAGE_BYTES: Final = MAX_MESSAGE_BYTES * 3 // 4  # of plans and forecasts in one answer
MAX_PAGE_SETPOINTS: Final = 1_000
MAX_PAGE_FORECASTS: Final = 200
MAX_PAGE_OVERRIDES: Final = 1_000
MAX_PAGE_CONTEXT: Final = 1_000
MAX_PAGE_APPROVALS: Final = 100
MAX_PAGE_SHADOWS: Final = 100
MAX_PAGE_SCHEDULE_LIST: Final = 100
MAX_NEXT_TIMES: Final = 1_000  # of one schedule
MAX_PAGE_TOKEN_LENGTH: Final = 256

# Identity, seconds of the wall ------------------------------------------------------------------
DENY_LIST_PERIOD_S: Final = 10.0  # a revocation is effective within twice this
MAX_ENROLMENTS_AT_ONCE: Final = 64  # calls on the enrolment listener; more are refused
MAX_ENROLMENT_MESSAGE_BYTES: Final = 16 * 1024
ENROLMENT_CONNECTION_AGE_S: Final = 60
ENROLMENT_BURST: Final = 20  # attempts from one address at once …
ENROLMENT_REFILL_S: Final = 6.0  # … and one more every so often
MAX_ENROLMENT_ADDRESSES: Final = 10_000  # remembered
RENEWAL_BURST: Final = 4  # of one node
RENEWAL_REFILL_S: Final = 900.0
MAX_REFUSALS_IN_AUDIT_PER_HOUR: Final = 360  # refused enrolments written down; more are only counted

# Approvals --------------------------------------------------------------------------------------
MAX_APPROVAL_WATCHES: Final = 64  # streams at once
MAX_EVENTS_AT_ONCE: Final = 100  # read from the database for one stream
APPROVAL_LOOK_S: Final = 5.0  # of the wall, after which a stream looks even when nothing told it to
