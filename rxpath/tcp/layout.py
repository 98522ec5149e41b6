"""The memory map of connections and of what is on its way: all int64, times are model ns."""

from __future__ import annotations

# -- a connection: a row of `conns` --------------------------------------------------------------
(
    P_HASH,  # RSS hash of the outer headers
    P_SOCKET,
    P_CHAIN,
    P_WIRE,  # bytes of a frame on the wire
    P_PAYLOAD,  # bytes of TCP payload in it
    P_WINDOW,  # segments: the receiver's window, and the most that ever are in flight
    P_CWND,  # segments
    P_CWND_COUNT,  # acknowledged segments towards the next increase [tcp_cong_avoid_ai]
    P_SSTHRESH,
    P_UNA,  # oldest unacknowledged segment, numbered from 0 (SND.UNA, RFC 9293)
    P_NEXT,  # next to send (SND.NXT)
    P_HIGH,  # beyond the highest ever sent
    P_DUPACKS,
    P_RECOVER,  # fast recovery lasts until this is acknowledged (RFC 6582); -1: not in it
    P_TIMEOUT_AT,
    P_ARMED,  # when an entry of the agenda will look at the timeout; 0: none will
    P_BACKOFF,  # doublings of the timeout
    P_RECEIVED,  # the receiver's next expected segment (RCV.NXT)
    P_RETRANSMITS,
    P_TIMEOUTS,
    P_SENT,  # frames handed to the wire
    P_ASKED_AT,  # of the present request
    P_THINKS,  # 1: a client, which thinks before it asks again
    P_ANSWERED,  # requests that were answered
    P_STEPS,  # segments of the set-up, sent one at a time before the data
    P_PERIOD,  # segments from one set-up to the next; 0: there is one
    P_SETUPS,  # set-ups that were completed
    P_SETUP_NS,  # that they took together
    P_STEP,  # [MAX_STEPS] chain and bytes on the wire of each segment of the set-up
) = range(29)
MAX_STEPS = 4
CONN_COLUMNS = P_STEP + 2 * MAX_STEPS

# -- the agenda: a heap of what is on its way, by (time, number) ---------------------------------
(A_TIME, A_NUMBER, A_KIND, A_CONN, A_VALUE) = range(5)
AGENDA_COLUMNS = 5
ARRIVE, ACK, DUPACK, ASK, TIMEOUT = range(5)

# -- the far end as a whole: one row -------------------------------------------------------------
(
    W_AGENDA,  # entries in the heap
    W_NUMBER,  # of entries ever made: the tie breaker
    W_LINK_FREE,  # when the link takes the next frame
    W_PS_PER_BYTE,  # of the link
    W_THERE,  # ns from the link's end to the NIC
    W_BACK,  # ns from the application to the sender: the acknowledgement's or the answer's way
    W_RTO,  # least timeout
    W_FREE,  # free frame buffers
    W_THOUGHT,  # draws of thinking time used so far
    W_SAMPLES,  # latencies written so far
    W_LOST_AT_NIC,  # frames that found the RX ring full
) = range(11)
WIRE_COLUMNS = 16

# -- latencies: rows of `samples` ----------------------------------------------------------------
(L_TIME, L_CONN, L_LATENCY) = range(3)
SAMPLE_COLUMNS = 3
