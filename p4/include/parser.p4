// The parser. It only identifies headers; it takes no forwarding decision.

error {
    Ipv4BadVersion,
    Ipv4HeaderTooShort,
    Ipv6BadVersion,
    TcpHeaderTooShort
}

parser FalconParser(packet_in packet,
                    out headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t std_meta) {
    state start {
        transition select(std_meta.ingress_port) {
            CPU_PORT: parse_packet_out;
            default:  parse_frame;
        }
    }

    // The rest of a packet-out is a frame that leaves as the controller wrote it.
    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition accept;
    }

    // The EtherType decides the layer, so it is read by lookahead before a header is extracted.
    state parse_frame {
        transition select(packet.lookahead<ethernet_h>().ether_type) {
            ETHERTYPE_VLAN: parse_access_frame;
            default:        parse_underlay_frame;
        }
    }

    // ---- the underlay's layer -----------------------------------------------------------------

    state parse_underlay_frame {
        packet.extract(hdr.outer_ethernet);
        transition select(hdr.outer_ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_outer_ipv4;
            default:        accept;
        }
    }

    state parse_outer_ipv4 {
        packet.extract(hdr.outer_ipv4);
        verify(hdr.outer_ipv4.version == 4, error.Ipv4BadVersion);
        verify(hdr.outer_ipv4.ihl >= 5, error.Ipv4HeaderTooShort);
        transition select(hdr.outer_ipv4.ihl) {
            5:       parse_outer_l4;
            default: parse_outer_ipv4_options;
        }
    }

    state parse_outer_ipv4_options {
        packet.extract(hdr.outer_ipv4_options, (bit<32>)(hdr.outer_ipv4.ihl - 5) << 5);
        transition parse_outer_l4;
    }

    // A fragment is never a tunnel: VTEPs set DF.
    state parse_outer_l4 {
        transition select(hdr.outer_ipv4.more_fragments,
                          hdr.outer_ipv4.frag_offset,
                          hdr.outer_ipv4.protocol) {
            (0, 0, PROTO_UDP): parse_outer_udp;
            default:           accept;
        }
    }

    state parse_outer_udp {
        packet.extract(hdr.outer_udp);
        transition select(hdr.outer_udp.dst_port) {
            VXLAN_PORT_IANA:    parse_vxlan;
            VXLAN_PORT_FLANNEL: parse_vxlan;
            VXLAN_PORT_WEAVE:   parse_vxlan;
            default:            accept;
        }
    }

    // From here on errors do not concern a transit switch, which routes by the outer header.
    // in_tunnel distinguishes such an error from one in the outer layer.
    state parse_vxlan {
        meta.in_tunnel = 1;
        packet.extract(hdr.vxlan);
        packet.extract(hdr.ethernet);
        meta.tenant.ether_type = hdr.ethernet.ether_type;
        transition parse_tenant;
    }

    // ---- the tenant's layer -------------------------------------------------------------------

    state parse_access_frame {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.vlan);
        meta.tenant.ether_type = hdr.vlan.ether_type;
        transition parse_tenant;
    }

    // A further tag, or a VXLAN header in a tenant's UDP datagram, is the tenant's own data.
    state parse_tenant {
        meta.tenant.src = (bit<128>)hdr.ethernet.src_addr;
        meta.tenant.dst = (bit<128>)hdr.ethernet.dst_addr;
        transition select(meta.tenant.ether_type) {
            ETHERTYPE_ARP:  parse_arp;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default:        accept;
        }
    }

    state parse_arp {
        packet.extract(hdr.arp);
        transition select(hdr.arp.hardware_type, hdr.arp.protocol_type,
                          hdr.arp.hardware_len, hdr.arp.protocol_len) {
            (ARP_HARDWARE_ETHERNET, ETHERTYPE_IPV4, 6, 4): parse_arp_ipv4;
            default: accept;
        }
    }

    state parse_arp_ipv4 {
        packet.extract(hdr.arp_ipv4);
        meta.tenant.src = (bit<128>)hdr.arp_ipv4.sender_ip;
        meta.tenant.dst = (bit<128>)hdr.arp_ipv4.target_ip;
        transition accept;
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        verify(hdr.ipv4.version == 4, error.Ipv4BadVersion);
        verify(hdr.ipv4.ihl >= 5, error.Ipv4HeaderTooShort);
        meta.tenant.src = (bit<128>)hdr.ipv4.src_addr;
        meta.tenant.dst = (bit<128>)hdr.ipv4.dst_addr;
        meta.tenant.protocol = hdr.ipv4.protocol;
        meta.tenant.dscp = hdr.ipv4.dscp;
        meta.tenant.ecn = hdr.ipv4.ecn;
        transition select(hdr.ipv4.ihl) {
            5:       parse_ipv4_payload;
            default: parse_ipv4_options;
        }
    }

    state parse_ipv4_options {
        packet.extract(hdr.ipv4_options, (bit<32>)(hdr.ipv4.ihl - 5) << 5);
        transition parse_ipv4_payload;
    }

    // Only the first fragment carries the ports.
    state parse_ipv4_payload {
        transition select(hdr.ipv4.frag_offset) {
            0:       parse_l4;
            default: accept;
        }
    }

    // Extension headers stay unparsed: the protocol is then the extension's number.
    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        verify(hdr.ipv6.version == 6, error.Ipv6BadVersion);
        meta.tenant.src = hdr.ipv6.src_addr;
        meta.tenant.dst = hdr.ipv6.dst_addr;
        meta.tenant.protocol = hdr.ipv6.next_header;
        meta.tenant.dscp = hdr.ipv6.dscp;
        meta.tenant.ecn = hdr.ipv6.ecn;
        transition parse_l4;
    }

    state parse_l4 {
        transition select(meta.tenant.protocol) {
            PROTO_TCP:    parse_tcp;
            PROTO_UDP:    parse_udp;
            PROTO_ICMP:   parse_icmp;
            PROTO_ICMPV6: parse_icmp;
            default:      accept;
        }
    }

    state parse_tcp {
        packet.extract(hdr.tcp);
        verify(hdr.tcp.data_offset >= 5, error.TcpHeaderTooShort);
        meta.tenant.l4_src = hdr.tcp.src_port;
        meta.tenant.l4_dst = hdr.tcp.dst_port;
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.udp);
        meta.tenant.l4_src = hdr.udp.src_port;
        meta.tenant.l4_dst = hdr.udp.dst_port;
        transition accept;
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        meta.tenant.l4_src = (bit<16>)hdr.icmp.type;
        meta.tenant.l4_dst = (bit<16>)hdr.icmp.code;
        transition accept;
    }
}
