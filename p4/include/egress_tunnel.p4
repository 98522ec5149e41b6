// Egress: the form in which the frame leaves. Encapsulated, still encapsulated, or as a
// tagged tenant frame towards the machine.

control EgressTunnel(inout headers_t hdr,
                     inout metadata_t meta,
                     inout standard_metadata_t std_meta) {
    // ---- in front of a machine: its own receive path decapsulates, or this switch does --------

    action pass_on() { }

    action decapsulate() {
        meta.exit_as = Exit.TENANT;
    }

    table vtep_mode {
        key = { meta.outer_dst : exact @name("vtep"); }
        actions = { pass_on; decapsulate; }
        const default_action = pass_on();
        size = 1024;
    }

    // ---- encapsulation (RFC 7348) -------------------------------------------------------------

    // The Ethernet header around it is written by EgressLink.
    action encapsulate() {
        hdr.outer_ipv4.setValid();
        hdr.outer_ipv4.version = 4;
        hdr.outer_ipv4.ihl = 5;
        hdr.outer_ipv4.dscp = meta.tenant.dscp;
        hdr.outer_ipv4.ecn = meta.tenant.ecn;             // RFC 6040, section 4.1, normal mode
        hdr.outer_ipv4.total_len = meta.tenant_len + (IPV4_MIN_LEN + UDP_LEN + VXLAN_LEN);
        hdr.outer_ipv4.identification = 0;                // atomic datagram: RFC 6864, section 4.1
        hdr.outer_ipv4.reserved = 0;
        hdr.outer_ipv4.dont_fragment = 1;
        hdr.outer_ipv4.more_fragments = 0;
        hdr.outer_ipv4.frag_offset = 0;
        hdr.outer_ipv4.ttl = TUNNEL_TTL;
        hdr.outer_ipv4.protocol = PROTO_UDP;
        hdr.outer_ipv4.src_addr = meta.outer_src;
        hdr.outer_ipv4.dst_addr = meta.outer_dst;

        hdr.outer_udp.setValid();
        hdr.outer_udp.src_port = meta.outer_sport;
        hdr.outer_udp.dst_port = meta.outer_dport;
        hdr.outer_udp.length = meta.tenant_len + (UDP_LEN + VXLAN_LEN);
        hdr.outer_udp.checksum = 0;

        hdr.vxlan.setValid();
        hdr.vxlan.reserved1 = 0;
        hdr.vxlan.vni_valid = 1;
        hdr.vxlan.reserved2 = 0;
        hdr.vxlan.vni = meta.vni;
        hdr.vxlan.reserved3 = 0;

        hdr.ethernet.ether_type = hdr.vlan.ether_type;    // the access tag does not cross the tunnel
        hdr.vlan.setInvalid();
    }

    // ---- routing ------------------------------------------------------------------------------

    action next_hop() {
        hdr.outer_ipv4.ttl = hdr.outer_ipv4.ttl - 1;
    }

    // ---- decapsulation: congestion marks of the outer header must not be lost -----------------

    // RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), where m is the word of the header that holds
    // version, IHL, DSCP and ECN. Of ~m + m' only the difference of the ECN fields remains.
    action set_inner_ecn(bit<2> ecn) {
        bit<32> sum = (bit<32>)(~hdr.ipv4.checksum) + 0xffff
                    - (bit<32>)meta.tenant.ecn + (bit<32>)ecn;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        hdr.ipv4.checksum = ~sum[15:0];
        hdr.ipv4.ecn = ecn;
        hdr.ipv6.ecn = ecn;
    }

    // RFC 6040, figure 4. Combinations not listed keep the inner field.
    table ecn_decapsulation {
        key = {
            meta.tenant.ecn    : exact @name("inner");
            hdr.outer_ipv4.ecn : exact @name("outer");
        }
        actions = { set_inner_ecn; drop_because(meta); NoAction; }
        const default_action = NoAction();
        const entries = {
            (ECN_NOT_ECT, ECN_CE)   : drop_because(meta, DropReason.ECN);
            (ECN_ECT0,    ECN_ECT1) : set_inner_ecn(ECN_ECT1);
            (ECN_ECT0,    ECN_CE)   : set_inner_ecn(ECN_CE);
            (ECN_ECT1,    ECN_CE)   : set_inner_ecn(ECN_CE);
        }
    }

    action strip_outer() {
        hdr.outer_ethernet.setInvalid();
        hdr.outer_ipv4.setInvalid();
        hdr.outer_ipv4_options.setInvalid();
        hdr.outer_udp.setInvalid();
        hdr.vxlan.setInvalid();
    }

    // ---- the tag of the tenant on this port ---------------------------------------------------

    direct_counter(CounterType.packets_and_bytes) deliver_counter;

    action set_vlan(vid_t vid) {
        deliver_counter.count();
        hdr.vlan.vid = vid;
    }

    table deliver_vlan {
        key = {
            std_meta.egress_port : exact @name("egress_port");
            meta.vni             : exact @name("vni");
        }
        actions = { set_vlan; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.TENANT_ABSENT);
        counters = deliver_counter;
        size = 4096;
    }

    action push_tag() {
        hdr.vlan.setValid();
        hdr.vlan.pcp = 0;
        hdr.vlan.dei = 0;
        hdr.vlan.ether_type = hdr.ethernet.ether_type;
        hdr.ethernet.ether_type = ETHERTYPE_VLAN;
    }

    apply {
        if (meta.exit_as == Exit.VTEP) {
            vtep_mode.apply();      // may turn VTEP into TENANT
        }
        if (meta.exit_as == Exit.TENANT) {
            if (hdr.outer_ipv4.isValid()) {
                ecn_decapsulation.apply();
                strip_outer();
                push_tag();
            }
            if (meta.drop_reason == DropReason.NONE) {
                deliver_vlan.apply();
            }
        } else if (!hdr.outer_ipv4.isValid()) {
            encapsulate();
        } else if (hdr.outer_ipv4.ttl <= 1) {
            meta.drop_reason = DropReason.TTL;
        } else {
            next_hop();
        }
    }
}
