// Ingress, first step: validity of the frame, and the kind of neighbour that sent it.

control IngressChecks(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    action access() {
        meta.port_kind = PortKind.ACCESS;
    }

    action underlay(mac_t mac) {
        meta.port_kind = PortKind.UNDERLAY;
        meta.port_mac = mac;
    }

    table port_kind {
        key = { std_meta.ingress_port : exact @name("ingress_port"); }
        actions = { access; underlay; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.PORT_UNKNOWN);
        size = 512;
    }

    // To the controller instead of being forwarded: link discovery and other control frames.
    action send_to_cpu() {
        meta.punt_reason = PuntReason.PUNT;
        meta.exit_as = Exit.AS_IS;
        std_meta.egress_spec = CPU_PORT;
    }

    table punt {
        key = {
            std_meta.ingress_port         : ternary @name("ingress_port");
            hdr.outer_ethernet.dst_addr   : ternary @name("dst_addr");
            hdr.outer_ethernet.ether_type : ternary @name("ether_type");
        }
        actions = { send_to_cpu; NoAction; }
        const default_action = NoAction();
        size = 64;
    }

    apply {
        if (std_meta.parser_error == error.PacketTooShort && meta.in_tunnel == 0) {
            meta.drop_reason = DropReason.TRUNCATED;
        } else if (std_meta.parser_error != error.NoError && meta.in_tunnel == 0) {
            meta.drop_reason = DropReason.MALFORMED;
        } else if (std_meta.checksum_error == 1) {
            meta.drop_reason = DropReason.IP_CHECKSUM;
        } else {
            port_kind.apply();
        }
        if (meta.drop_reason == DropReason.NONE && hdr.outer_ethernet.isValid()) {
            punt.apply();
        }
    }
}
