"""Public clients on v1switch, where checkouts are named: `CLIENT_DIR=… pytest tests/clients`.

A case that fails is red, unless BMv2 failed it as well when it was recorded.
"""

import pytest

from tests.clients.cases import Case, Client
from tests.clients.clients import CLIENTS
from tests.clients.outcomes import read
from tests.clients.runner import missing, run

ALL = [
    pytest.param(client, case, id=f"{client.name}/{case.name}")
    for client in CLIENTS
    for case in client.cases
]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("client", "case"), ALL)
def test_a_client_works_as_it_says(client: Client, case: Case) -> None:
    if reason := missing(client, case, "v1switch"):
        pytest.skip(reason)
    outcome = run(client, case, "v1switch")
    if outcome.passed is None:
        pytest.skip(outcome.reason)
    recorded = read().get(client.name, {}).get(case.name, {}).get("bmv2")
    if not outcome.passed and recorded is not None and recorded.passed is False:
        pytest.xfail(f"BMv2 fails as well: {recorded.reason}")
    assert outcome.passed, outcome.reason
