// Ingress, for a tenant's frame from a machine: forwarding within its VNI.
//
// Frames from a tunnel do not get here. Their VTEP has already identified the machine, and
// since they are never flooded, they are never sent back into the overlay either.

control IngressBridge(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    // ---- ARP suppression: the switch answers for the addresses it knows -----------------------

    action arp_reply(mac_t mac) {
        meta.arp_answer = mac;    // all zeros: no answer
    }

    table arp_suppress {
        key = {
            meta.vni               : exact @name("vni");
            hdr.arp_ipv4.target_ip : exact @name("target_ip");
        }
        actions = { arp_reply; NoAction; }
        const default_action = NoAction();
        size = 16384;
    }

    // The request is turned into the reply and returned with its tag.
    action answer() {
        hdr.ethernet.dst_addr = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = meta.arp_answer;
        hdr.arp.opcode = ARP_REPLY;
        ipv4_t asked = hdr.arp_ipv4.target_ip;
        hdr.arp_ipv4.target_mac = hdr.arp_ipv4.sender_mac;
        hdr.arp_ipv4.target_ip = hdr.arp_ipv4.sender_ip;
        hdr.arp_ipv4.sender_mac = meta.arp_answer;
        hdr.arp_ipv4.sender_ip = asked;
        meta.exit_as = Exit.AS_IS;
        std_meta.egress_spec = std_meta.ingress_port;
    }

    // ---- forwarding within the VNI ------------------------------------------------------------

    action to_port(port_t port) {
        meta.exit_as = Exit.TENANT;
        std_meta.egress_spec = port;
    }

    action to_vtep(ipv4_t vtep) {
        meta.exit_as = Exit.VTEP;
        meta.outer_dst = vtep;
        meta.outer_protocol = PROTO_UDP;
    }

    action flood() {
        meta.exit_as = Exit.FLOOD;
    }

    // Broadcast is flooded like any address that has no entry.
    table l2_forward {
        key = {
            meta.vni              : exact @name("vni");
            hdr.ethernet.dst_addr : exact @name("dst_addr");
        }
        actions = { to_port; to_vtep; @defaultonly flood; }
        const default_action = flood();
        size = 16384;
    }

    action set_group(bit<16> group) {
        std_meta.mcast_grp = group;
    }

    table vni_flood {
        key = { meta.vni : exact @name("vni"); }
        actions = { set_group; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.NO_FLOOD);
        size = 1024;
    }

    // ---- the source port of the tunnel --------------------------------------------------------

    action hash_flow() {
        hash(meta.outer_sport, HashAlgorithm.crc32, ENTROPY_PORT_FIRST,
             { meta.tenant.src, meta.tenant.dst, meta.tenant.protocol,
               meta.tenant.l4_src, meta.tenant.l4_dst },
             ENTROPY_PORT_COUNT);
    }

    // Only the first fragment has ports; without them all fragments of a packet take one path.
    action hash_fragment() {
        hash(meta.outer_sport, HashAlgorithm.crc32, ENTROPY_PORT_FIRST,
             { meta.tenant.src, meta.tenant.dst, meta.tenant.protocol, 16w0, 16w0 },
             ENTROPY_PORT_COUNT);
    }

    apply {
        // Not answered: a gratuitous request (it announces its own address), and an owner that
        // probes for its own address.
        if (hdr.arp_ipv4.isValid() && hdr.arp.opcode == ARP_REQUEST
            && hdr.arp_ipv4.sender_ip != hdr.arp_ipv4.target_ip) {
            arp_suppress.apply();
        }
        if (meta.arp_answer != 0 && meta.arp_answer != hdr.arp_ipv4.sender_mac) {
            answer();
        } else if (hdr.ethernet.dst_addr[47:4] == LINK_LOCAL_GROUP) {
            meta.drop_reason = DropReason.LINK_LOCAL;
        } else {
            if (meta.tenant.fragment == 1) {
                hash_fragment();
            } else {
                hash_flow();
            }
            l2_forward.apply();
            if (meta.exit_as == Exit.FLOOD) {
                vni_flood.apply();
            }
        }
    }
}
