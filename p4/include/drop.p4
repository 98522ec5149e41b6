// Dropping. A check that fails only sets the reason; the frame is counted and dropped in one place,
// at the end of ingress (FalconIngress) or of egress (FalconEgress). So every drop is counted
// exactly once, under the first reason found.

action drop_because(inout metadata_t meta, DropReason reason) {
    meta.drop_reason = reason;
}
