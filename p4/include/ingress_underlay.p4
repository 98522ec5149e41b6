// Ingress on an underlay port: check the outer header, and see whether the tunnel ends at a
// machine of this switch.

control IngressUnderlay(inout headers_t hdr,
                        inout metadata_t meta,
                        inout standard_metadata_t std_meta) {
    // A VTEP stands for one machine, and this one's machine is attached to this switch.
    action attached() { }

    table local_vtep {
        key = { hdr.outer_ipv4.dst_addr : exact @name("vtep"); }
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

    // Lengths of the outer layer. Short frames may be padded, so the frame may be longer than the
    // packet, and never the other way round.
    action check_outer(out bool good) {
        bit<16> ip_len = hdr.outer_ipv4.total_len;
        bit<16> header_len = (bit<16>)hdr.outer_ipv4.ihl << 2;
        good = ip_len >= header_len
            && (bit<32>)ip_len + (bit<32>)ETHERNET_LEN <= std_meta.packet_length
            && (!hdr.outer_udp.isValid()
                || (hdr.outer_udp.length >= UDP_LEN
                    && (bit<17>)hdr.outer_udp.length + (bit<17>)header_len <= (bit<17>)ip_len));
    }

    // A tunnel that ends here must fill its packet, and its packet the frame: it is never short
    // enough to need padding, and what hangs behind it would become part of the tenant's frame.
    action check_tunnel(out bool good) {
        bit<16> header_len = (bit<16>)hdr.outer_ipv4.ihl << 2;
        good = hdr.outer_udp.length + header_len == hdr.outer_ipv4.total_len
            && (bit<32>)hdr.outer_ipv4.total_len + (bit<32>)ETHERNET_LEN == std_meta.packet_length;
    }

    action enter_tunnel() {
        meta.vni = hdr.vxlan.vni;
        meta.learn_vtep = hdr.outer_ipv4.src_addr;
        meta.tenant_len = hdr.outer_udp.length - (UDP_LEN + VXLAN_LEN);
        meta.exit_as = Exit.VTEP;
    }

    action read_outer() {
        meta.outer_src = hdr.outer_ipv4.src_addr;
        meta.outer_dst = hdr.outer_ipv4.dst_addr;
        meta.outer_protocol = hdr.outer_ipv4.protocol;
        meta.exit_as = Exit.TRANSIT;
    }

    action read_outer_ports() {
        meta.outer_sport = hdr.outer_udp.src_port;
        meta.outer_dport = hdr.outer_udp.dst_port;
    }

    apply {
        bool good;
        if (!hdr.outer_ipv4.isValid()) {
            meta.drop_reason = DropReason.NOT_UNDERLAY;
        } else if (hdr.outer_ethernet.dst_addr != meta.port_mac) {
            meta.drop_reason = DropReason.NOT_OUR_MAC;
        } else if (hdr.outer_ipv4.ttl == 0) {
            meta.drop_reason = DropReason.TTL;
        } else {
            check_outer(good);
            if (!good) {
                meta.drop_reason = DropReason.LENGTH;
            } else {
                read_outer();
                if (hdr.outer_udp.isValid()) {
                    read_outer_ports();
                }
                if (local_vtep.apply().hit && meta.in_tunnel == 1 && vxlan_port.apply().hit) {
                    check_tunnel(good);
                    if (!good) {
                        meta.drop_reason = DropReason.LENGTH;
                    } else if (std_meta.parser_error == error.PacketTooShort) {
                        meta.drop_reason = DropReason.TRUNCATED;
                    } else if (std_meta.parser_error != error.NoError) {
                        meta.drop_reason = DropReason.MALFORMED;
                    } else if (hdr.vxlan.vni_valid == 0) {
                        meta.drop_reason = DropReason.VXLAN_FLAGS;
                    } else {
                        enter_tunnel();
                    }
                }
            }
        }
    }
}
