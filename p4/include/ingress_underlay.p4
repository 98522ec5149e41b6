// Ingress on an underlay port: validity of the outer header, and whether its tunnel ends at a
// machine of this switch.

control IngressUnderlay(inout headers_t hdr,
                        inout metadata_t meta,
                        inout standard_metadata_t std_meta) {
    action read_outer() {
        meta.outer_src = hdr.outer_ipv4.src_addr;
        meta.outer_dst = hdr.outer_ipv4.dst_addr;
        meta.outer_protocol = hdr.outer_ipv4.protocol;
        meta.exit_as = Exit.TRANSIT;
    }

    // Short frames are padded, so a frame may be longer than its packet, but never shorter.
    action check_ip_length() {
        bool good = hdr.outer_ipv4.total_len >= (bit<16>)hdr.outer_ipv4.ihl << 2
            && (bit<32>)hdr.outer_ipv4.total_len + (bit<32>)ETHERNET_LEN <= std_meta.packet_length;
        meta.drop_reason = good ? DropReason.NONE : DropReason.LENGTH;
    }

    action read_outer_udp() {
        meta.outer_sport = hdr.outer_udp.src_port;
        meta.outer_dport = hdr.outer_udp.dst_port;
    }

    action check_udp_length() {
        bit<17> ip_len = (bit<17>)hdr.outer_udp.length + ((bit<17>)hdr.outer_ipv4.ihl << 2);
        bool good = hdr.outer_udp.length >= UDP_LEN && ip_len <= (bit<17>)hdr.outer_ipv4.total_len;
        meta.drop_reason = good ? DropReason.NONE : DropReason.LENGTH;
    }

    apply {
        if (!hdr.outer_ipv4.isValid()) {
            meta.drop_reason = DropReason.NOT_UNDERLAY;
        } else if (hdr.outer_ethernet.dst_addr != meta.port_mac) {
            meta.drop_reason = DropReason.NOT_OUR_MAC;
        } else if (hdr.outer_ipv4.ttl == 0) {
            meta.drop_reason = DropReason.TTL;
        } else {
            read_outer();
            check_ip_length();
            if (hdr.outer_udp.isValid() && meta.drop_reason == DropReason.NONE) {
                read_outer_udp();
                check_udp_length();
            }
        }
    }
}

// Only for packets that the parser followed into a VXLAN header. For a transit switch it is an
// IP packet like any other; where the tunnel ends, its contents must be valid.
control IngressTunnel(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    // A VTEP stands for one machine, and this one's machine is attached to this switch.
    action attached() { }

    table local_vtep {
        key = { meta.outer_dst : exact @name("vtep"); }
        actions = { attached; NoAction; }
        const default_action = NoAction();
        size = 1024;
    }

    action enabled() { }

    table vxlan_port {
        key = { hdr.outer_udp.dst_port : exact @name("udp_port"); }
        actions = { enabled; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.VXLAN_PORT);
        size = 8;
    }

    // The datagram fits its packet and the packet its frame, and here the datagram must fill the
    // frame: one with VXLAN is never so short that it needs padding, and trailing bytes would
    // become part of the tenant's frame.
    action check_length() {
        bit<32> ip_len = (bit<32>)hdr.outer_udp.length + ((bit<32>)hdr.outer_ipv4.ihl << 2);
        bool good = ip_len + (bit<32>)ETHERNET_LEN == std_meta.packet_length;
        meta.drop_reason = good ? DropReason.NONE : DropReason.LENGTH;
    }

    action enter() {
        meta.vni = hdr.vxlan.vni;
        meta.learn_vtep = hdr.outer_ipv4.src_addr;
        meta.tenant_len = hdr.outer_udp.length - (UDP_LEN + VXLAN_LEN);
        meta.exit_as = Exit.VTEP;
    }

    action check_parsed() {
        meta.drop_reason = std_meta.parser_error == error.NoError ? DropReason.NONE
            : (std_meta.parser_error == error.PacketTooShort ? DropReason.TRUNCATED
               : DropReason.MALFORMED);
    }

    apply {
        if (local_vtep.apply().hit) {
            vxlan_port.apply();
            if (meta.drop_reason == DropReason.NONE) {
                check_length();
            }
            if (meta.drop_reason == DropReason.NONE) {
                check_parsed();
            }
            if (meta.drop_reason == DropReason.NONE) {
                if (hdr.vxlan.vni_valid == 0) {
                    meta.drop_reason = DropReason.VXLAN_FLAGS;
                } else {
                    enter();
                }
            }
        }
    }
}
