"""A second controller: holds a stream to a switch with a high election id until its input ends.

python -m tests.chaos.rival unix:/run/dir/s1.p4rt.sock DEVICE_ID
"""

import sys
import threading
import time
from collections.abc import Iterator

import grpc
from p4.v1 import p4runtime_pb2, p4runtime_pb2_grpc


def main(address: str, device_id: int) -> None:
    """Become primary, say so, hold on until standard input is closed."""
    leave = threading.Event()

    def requests() -> Iterator[p4runtime_pb2.StreamMessageRequest]:
        request = p4runtime_pb2.StreamMessageRequest()
        request.arbitration.device_id = device_id
        # Above any clock's seconds, and above those who took over from an earlier rival.
        request.arbitration.election_id.high = int(time.time())
        yield request
        leave.wait()

    with grpc.insecure_channel(address) as channel:
        stream = p4runtime_pb2_grpc.P4RuntimeStub(channel).StreamChannel(requests())
        print(next(stream).arbitration.status.code, flush=True)
        sys.stdin.read()
        leave.set()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
