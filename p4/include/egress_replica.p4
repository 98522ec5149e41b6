// Egress, for copies of a flooded frame: the destination of this copy.

control EgressReplica(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    action replica_to_port() {
        meta.exit_as = Exit.TENANT;
    }

    action replica_to_vtep(ipv4_t vtep) {
        meta.exit_as = Exit.VTEP;
        meta.outer_dst = vtep;
    }

    table replica {
        key = { std_meta.egress_rid : exact @name("egress_rid"); }
        actions = { replica_to_port; replica_to_vtep; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.REPLICA);
        size = 16384;
    }

    apply {
        if (std_meta.egress_port == meta.ingress_port) {
            meta.drop_reason = DropReason.SPLIT_HORIZON;
        } else {
            replica.apply();
        }
    }
}
