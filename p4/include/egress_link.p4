// Egress, last step: what the link requires, the next hop's addresses and the MTU.

control EgressLink(inout headers_t hdr,
                   inout metadata_t meta,
                   inout standard_metadata_t std_meta) {
    // Links are point to point, so the port alone identifies the neighbour.
    action set_macs(mac_t src_addr, mac_t dst_addr) {
        hdr.outer_ethernet.setValid();
        hdr.outer_ethernet.ether_type = ETHERTYPE_IPV4;
        hdr.outer_ethernet.src_addr = src_addr;
        hdr.outer_ethernet.dst_addr = dst_addr;
    }

    table link_macs {
        key = { std_meta.egress_port : exact @name("egress_port"); }
        actions = { set_macs; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.NO_LINK);
        size = 512;
    }

    bit<16> mtu = 0;

    action set_mtu(bit<16> bytes) {
        mtu = bytes;
    }

    // The MTU counts as that of a Linux interface: the packet without its Ethernet header and tag.
    table port_mtu {
        key = { std_meta.egress_port : exact @name("egress_port"); }
        actions = { set_mtu; }
        default_action = set_mtu(1500);
        size = 512;
    }

    apply {
        port_mtu.apply();
        if (hdr.outer_ipv4.isValid()) {
            if (hdr.outer_ipv4.total_len > mtu) {
                meta.drop_reason = DropReason.TOO_BIG;
            } else {
                link_macs.apply();
            }
        } else if (meta.tenant_len - ETHERNET_LEN > mtu) {
            meta.drop_reason = DropReason.TOO_BIG;
        }
    }
}
