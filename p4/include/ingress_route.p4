// Ingress, for packets to a VTEP or through the fabric: longest prefix, then one of the
// equal paths by the hash of the outer flow. A tunnel's outer flow varies with the inner flow
// through the source port, so one inner flow stays on one path.

control IngressRoute(inout headers_t hdr,
                     inout metadata_t meta,
                     inout standard_metadata_t std_meta) {
    action_selector(HashAlgorithm.crc32, 1024, 16) ecmp_paths;

    action route_to(port_t port) {
        std_meta.egress_spec = port;
        meta.drop_reason = DropReason.NONE;
    }

    table underlay_route {
        key = {
            meta.outer_dst      : lpm @name("dst_addr");
            meta.outer_src      : selector;
            meta.outer_dst      : selector;
            meta.outer_protocol : selector;
            meta.outer_sport    : selector;
            meta.outer_dport    : selector;
        }
        actions = { route_to; NoAction; }
        implementation = ecmp_paths;
        size = 1024;
    }

    apply {
        // Unroutable until a path is found: a group without members hits and yet does nothing.
        meta.drop_reason = DropReason.NO_ROUTE;
        underlay_route.apply();
    }
}
