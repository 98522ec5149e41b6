"""Lab 6, task 1: reordering by RFC 4737, from sequence numbers in their order of arrival.

The sender numbers the packets of a flow 0, 1, 2 ...  `arrived` has the numbers as they came:
[0, 1, 3, 4, 2] says that packet 2 came last.
"""


def reordered(arrived):
    """For each packet that arrived: True if it is reordered, a list as long as `arrived`.

    RFC 4737, 3.3: a packet is reordered when its number is smaller than the next expected one.
    A second copy of a packet is not looked at: False.
    """
    raise NotImplementedError("write reordered() in metric.py")


def ratio(arrived):
    """Reordered packets over all packets that arrived (copies not counted); 0.0 for none."""
    raise NotImplementedError("write ratio() in metric.py")


def extents(arrived):
    """The extent of each reordered packet, in the order of arrival.

    RFC 4737, 4.2: how many packets before it in the order of arrival the first one came that has
    a greater number. Copies do not count as arrivals.
    """
    raise NotImplementedError("write extents() in metric.py")
