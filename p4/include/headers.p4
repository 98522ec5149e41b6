// Headers, in wire order, and the metadata passed from one block to the next.

header ethernet_h {
    mac_t   dst_addr;
    mac_t   src_addr;
    bit<16> ether_type;
}

// IEEE 802.1Q tag, as it stands behind the addresses: the EtherType 0x8100 belongs to the header
// in front, and the tag ends with the EtherType of what follows.
header vlan_h {
    bit<3>  pcp;
    bit<1>  dei;
    vid_t   vid;
    bit<16> ether_type;
}

// ARP: the fixed part, and the addresses when they are Ethernet's and IPv4's.
header arp_h {
    bit<16> hardware_type;
    bit<16> protocol_type;
    bit<8>  hardware_len;
    bit<8>  protocol_len;
    bit<16> opcode;
}

header arp_ipv4_h {
    mac_t  sender_mac;
    ipv4_t sender_ip;
    mac_t  target_mac;
    ipv4_t target_ip;
}

header ipv4_h {
    bit<4>  version;
    bit<4>  ihl;
    bit<6>  dscp;
    bit<2>  ecn;
    bit<16> total_len;
    bit<16> identification;
    bit<1>  reserved;
    bit<1>  dont_fragment;
    bit<1>  more_fragments;
    bit<13> frag_offset;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    ipv4_t  src_addr;
    ipv4_t  dst_addr;
}

header ipv4_options_h {
    varbit<320> options;
}

header ipv6_h {
    bit<4>   version;
    bit<6>   dscp;
    bit<2>   ecn;
    bit<20>  flow_label;
    bit<16>  payload_len;
    bit<8>   next_header;
    bit<8>   hop_limit;
    bit<128> src_addr;
    bit<128> dst_addr;
}

// ICMP and ICMPv6 alike.
header icmp_h {
    bit<8>  type;
    bit<8>  code;
    bit<16> checksum;
}

header tcp_h {
    bit<16> src_port;
    bit<16> dst_port;
    bit<32> seq;
    bit<32> ack;
    bit<4>  data_offset;
    bit<4>  reserved;
    bit<8>  flags;
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent;
}

header udp_h {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

header vxlan_h {
    bit<4>  reserved1;
    bit<1>  vni_valid;      // the I flag
    bit<27> reserved2;
    vni_t   vni;
    bit<8>  reserved3;
}

// The headers in front of a packet-out and a packet-in.
@controller_header("packet_out")
header packet_out_h {
    port_t egress_port;
    bit<7> pad;
}

@controller_header("packet_in")
header packet_in_h {
    port_t     ingress_port;
    PuntReason reason;
}

// One frame has at most two layers. The tag decides which layer the first Ethernet header is:
// tenants' frames arrive tagged, the underlay is untagged.
//   from a machine:       ethernet vlan {arp | ipv4 | ipv6} ...
//   from the underlay:    outer_ethernet outer_ipv4 outer_udp vxlan ethernet {arp | ipv4 | ipv6} ...
// Encapsulating therefore makes the outer headers valid, and decapsulating makes them
// invalid; nothing is ever copied from one layer to the other.
struct headers_t {
    packet_in_h    packet_in;
    packet_out_h   packet_out;
    // the underlay's layer
    ethernet_h     outer_ethernet;
    ipv4_h         outer_ipv4;
    ipv4_options_h outer_ipv4_options;
    udp_h          outer_udp;
    vxlan_h        vxlan;
    // the tenant's layer
    ethernet_h     ethernet;
    vlan_h         vlan;
    arp_h          arp;
    arp_ipv4_h     arp_ipv4;
    ipv4_h         ipv4;
    ipv4_options_h ipv4_options;
    ipv6_h         ipv6;
    icmp_h         icmp;
    tcp_h          tcp;
    udp_h          udp;
}

// The kind of neighbour on a port.
enum bit<1> PortKind {
    ACCESS   = 0,   // a machine: tagged tenant frames come from it
    UNDERLAY = 1    // the IP fabric: untagged IPv4 packets come from it
}

// The form in which a frame leaves. Ingress decides it for unicast frames, egress for each copy of a
// flooded one.
enum bit<3> Exit {
    AS_IS   = 0,    // packet-out, packet-in, an ARP answer: not touched again
    TENANT  = 1,    // a tagged tenant frame for a machine
    VTEP    = 2,    // to the machine whose VTEP is outer_dst: vtep_mode decides the form
    TRANSIT = 3,    // an IPv4 packet that this switch only routes
    FLOOD   = 4     // copies, each with its own form
}

// The fields of a tenant's frame that ACL and hash use, whatever its protocol.
struct tenant_view_t {
    bit<16>  ether_type;   // after the access tag
    bit<128> src;          // IPv6; IPv4 and ARP (low 32 bits); MAC otherwise (low 48 bits)
    bit<128> dst;
    bit<8>   protocol;     // 0 where there is none
    bit<16>  l4_src;       // TCP, UDP: port; ICMP: type; 0 where there is none
    bit<16>  l4_dst;       // TCP, UDP: port; ICMP: code
    bit<1>   fragment;     // part of a fragmented IPv4 packet, the first part included
    bit<6>   dscp;
    bit<2>   ecn;
}

struct metadata_t {
    @field_list(CLONE_FIELDS)
    port_t        ingress_port;   // a copy, because a clone loses standard_metadata
    @field_list(CLONE_FIELDS)
    PuntReason    punt_reason;
    DropReason    drop_reason;    // the first reason found; NONE while there is none
    PortKind      port_kind;
    Exit          exit_as;
    bit<1>        in_tunnel;      // the parser went past the outer UDP header
    mac_t         port_mac;       // this switch's own address on the (underlay) ingress port

    vni_t         vni;
    bit<16>       tenant_len;     // bytes of the tenant's frame: Ethernet header, no access tag, no FCS
    tenant_view_t tenant;
    ipv4_t        learn_vtep;     // the VTEP that the frame came from; 0 for an access port
    port_t        learn_port;     // the access port that it came from; 0 for a VTEP
    bit<2>        color;          // result of the tenant's meter
    bit<2>        learn_color;    // result of the meter of its unknown addresses
    mac_t         arp_answer;

    ipv4_t        outer_src;      // of the outer header, received or to be written
    ipv4_t        outer_dst;
    bit<8>        outer_protocol;
    bit<16>       outer_sport;
    bit<16>       outer_dport;
}

// Digest: a source address that smac does not have at this port or VTEP.
struct mac_learn {
    vni_t  vni;
    mac_t  mac;
    port_t port;    // access port, or 0
    ipv4_t vtep;    // remote VTEP, or 0
}
