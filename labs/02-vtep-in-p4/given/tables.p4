// Lab 2 without a compiler: the same VTEP as vtep.p4, where each thing that a student would program
// is a table. choices.txt says which action a table runs, with which parameters. Most of these
// tables have no key: table_set_default chooses.
//
// Compiled by `sh given/compile.sh` into given/tables.json.

#include <core.p4>
#include <v1model.p4>

typedef bit<48> mac_t;
typedef bit<32> ipv4_t;
typedef bit<9>  port_t;
typedef bit<24> vni_t;
typedef bit<12> vid_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<8>  PROTO_TCP = 6;
const bit<8>  PROTO_UDP = 17;
const bit<16> VXLAN_PORT = 4789;
const bit<16> VLAN_LEN = 4;         // bytes of each header

header ethernet_h {
    mac_t   dst_addr;
    mac_t   src_addr;
    bit<16> ether_type;
}

header vlan_h {
    bit<3>  pcp;
    bit<1>  dei;
    vid_t   vid;
    bit<16> ether_type;     // of what follows; 0x8100 itself is in the header in front
}

header ipv4_h {
    bit<4>  version;
    bit<4>  ihl;
    bit<8>  tos;
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

header udp_h {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

// The first bytes of TCP and UDP.
header ports_h {
    bit<16> src_port;
    bit<16> dst_port;
}

header vxlan_h {
    bit<8>  flags;          // the I flag is 0x08
    bit<24> reserved1;
    vni_t   vni;
    bit<8>  reserved2;
}

// A frame from a machine has the lower half: ethernet, vlan, ...
// A frame from the tunnel has the upper half, and behind it ethernet, ipv4, ... but no vlan.
struct headers_t {
    ethernet_h outer_ethernet;
    ipv4_h     outer_ipv4;
    udp_h      outer_udp;
    vxlan_h    vxlan;
    ethernet_h ethernet;
    vlan_h     vlan;
    ipv4_h     ipv4;
    ports_h    ports;
}

struct metadata_t {
    bit<1>  from_tunnel;    // the frame came as VXLAN
    bit<1>  to_tunnel;      // it leaves as VXLAN
    bit<1>  flooded;        // this is one of several copies
    vni_t   vni;
    ipv4_t  own_vtep;       // source address of the tunnel
    ipv4_t  remote_vtep;    // destination address of the tunnel
    bit<16> frame_len;      // bytes of the frame without tag, tunnel and FCS
    bit<16> entropy_port;   // source port of the tunnel
    bit<1>  same_port;      // the frame would leave where it came from
    bit<1>  sum_ip;         // compute the outer IP checksum

    ipv4_t  flow_src;       // the inner flow; 0 where a frame has no such field
    ipv4_t  flow_dst;
    bit<8>  flow_protocol;
    bit<16> flow_src_port;
    bit<16> flow_dst_port;

    mac_t   seen_mac;       // task 5: an address, and where it was seen
    port_t  seen_port;      // the access port that it is behind; 0 for a tunnel
    ipv4_t  seen_vtep;      // the VTEP that it is behind; 0 for an access port
}

// What the controller is told about an address that it does not know at this place.
struct mac_learn {
    vni_t  vni;
    mac_t  mac;
    port_t port;
    ipv4_t vtep;
}

parser VtepParser(packet_in packet,
                  out headers_t hdr,
                  inout metadata_t meta,
                  inout standard_metadata_t std_meta) {
    state start {
        transition select(packet.lookahead<ethernet_h>().ether_type) {
            ETHERTYPE_VLAN: parse_access;
            default:        parse_outer;
        }
    }

    state parse_access {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.vlan);
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            default:        accept;
        }
    }

    state parse_outer {
        packet.extract(hdr.outer_ethernet);
        transition select(hdr.outer_ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_outer_ipv4;
            default:        accept;
        }
    }

    // Whether what follows a UDP header is a tunnel, the table `tunnel` decides.
    state parse_outer_ipv4 {
        packet.extract(hdr.outer_ipv4);
        transition select(hdr.outer_ipv4.ihl, hdr.outer_ipv4.more_fragments,
                          hdr.outer_ipv4.frag_offset, hdr.outer_ipv4.protocol) {
            (5, 0, 0, PROTO_UDP): parse_outer_udp;
            default:              accept;
        }
    }

    state parse_outer_udp {
        packet.extract(hdr.outer_udp);
        packet.extract(hdr.vxlan);
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            default:        accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        meta.flow_src = hdr.ipv4.src_addr;
        meta.flow_dst = hdr.ipv4.dst_addr;
        meta.flow_protocol = hdr.ipv4.protocol;
        transition select(hdr.ipv4.ihl, hdr.ipv4.more_fragments,
                          hdr.ipv4.frag_offset, hdr.ipv4.protocol) {
            (5, 0, 0, PROTO_TCP): parse_ports;
            (5, 0, 0, PROTO_UDP): parse_ports;
            default:              accept;
        }
    }

    state parse_ports {
        packet.extract(hdr.ports);
        meta.flow_src_port = hdr.ports.src_port;
        meta.flow_dst_port = hdr.ports.dst_port;
        transition accept;
    }
}

control VtepVerifyChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control VtepIngress(inout headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t std_meta) {
    // ---- which virtual network ------------------------------------------------------------------

    action set_vni(vni_t vni, ipv4_t own_vtep) {
        meta.vni = vni;
        meta.own_vtep = own_vtep;
    }

    table access_vni {
        key = {
            std_meta.ingress_port : exact @name("port");
            hdr.vlan.vid          : exact @name("vid");
        }
        actions = { set_vni; NoAction; }
        const default_action = NoAction();
    }

    // ---- task 3: which UDP packets are a tunnel's ------------------------------------------------

    action is_tunnel() {
        meta.from_tunnel = 1;
    }

    table tunnel {
        key = {
            hdr.outer_udp.dst_port : ternary @name("dst_port");
            hdr.vxlan.flags        : ternary @name("flags");
        }
        actions = { is_tunnel; NoAction; }
        const default_action = NoAction();
    }

    action terminate() { }

    table local_vtep {
        key = { hdr.outer_ipv4.dst_addr : exact @name("vtep"); }
        actions = { terminate; NoAction; }
        const default_action = NoAction();
    }

    // ---- task 5: learning -----------------------------------------------------------------------

    action inner_source() {
        meta.seen_mac = hdr.ethernet.src_addr;
    }

    action inner_destination() {
        meta.seen_mac = hdr.ethernet.dst_addr;
    }

    action outer_source() {
        meta.seen_mac = hdr.outer_ethernet.src_addr;
    }

    table seen_address {
        key = { meta.from_tunnel : exact @name("from_tunnel"); }
        actions = { inner_source; inner_destination; outer_source; NoAction; }
        const default_action = NoAction();
    }

    action port_of_arrival() {
        meta.seen_port = std_meta.ingress_port;
    }

    action source_vtep() {
        meta.seen_vtep = hdr.outer_ipv4.src_addr;
    }

    action destination_vtep() {
        meta.seen_vtep = hdr.outer_ipv4.dst_addr;
    }

    table seen_place {
        key = { meta.from_tunnel : exact @name("from_tunnel"); }
        actions = { port_of_arrival; source_vtep; destination_vtep; NoAction; }
        const default_action = NoAction();
    }

    action known() { }

    action learn() {
        digest<mac_learn>(1, { meta.vni, meta.seen_mac, meta.seen_port, meta.seen_vtep });
    }

    action forget() { }

    // The addresses that the controller knows, each at its place.
    table smac {
        key = {
            meta.vni       : exact @name("vni");
            meta.seen_mac  : exact @name("mac");
            meta.seen_port : exact @name("port");
            meta.seen_vtep : exact @name("vtep");
        }
        actions = { known; @defaultonly learn; @defaultonly forget; }
        default_action = forget();
    }

    // ---- task 2: the source port of the tunnel --------------------------------------------------

    action fixed_port(bit<16> port) {
        meta.entropy_port = port;
    }

    action hash_macs(bit<16> first, bit<32> count) {
        hash(meta.entropy_port, HashAlgorithm.crc32, first,
             { hdr.ethernet.src_addr, hdr.ethernet.dst_addr }, count);
    }

    action hash_flow(bit<16> first, bit<32> count) {
        hash(meta.entropy_port, HashAlgorithm.crc32, first,
             { hdr.ethernet.src_addr, hdr.ethernet.dst_addr, meta.flow_src, meta.flow_dst,
               meta.flow_protocol, meta.flow_src_port, meta.flow_dst_port }, count);
    }

    action hash_packet(bit<16> first, bit<32> count) {
        hash(meta.entropy_port, HashAlgorithm.crc32, first,
             { meta.flow_src, meta.flow_dst, meta.flow_src_port, meta.flow_dst_port,
               hdr.ipv4.identification, hdr.ipv4.total_len }, count);
    }

    table entropy {
        actions = { fixed_port; hash_macs; hash_flow; hash_packet; NoAction; }
        default_action = NoAction();
    }

    // ---- task 4: forwarding and flooding --------------------------------------------------------

    action to_port(port_t port) {
        std_meta.egress_spec = port;
    }

    action to_vtep(ipv4_t vtep, port_t port) {
        meta.to_tunnel = 1;
        meta.remote_vtep = vtep;
        std_meta.egress_spec = port;
    }

    action flood(bit<16> group) {
        meta.flooded = 1;
        std_meta.mcast_grp = group;
    }

    table dmac {
        key = {
            meta.vni              : exact @name("vni");
            hdr.ethernet.dst_addr : exact @name("mac");
        }
        actions = { to_port; to_vtep; @defaultonly NoAction; }
        const default_action = NoAction();
    }

    table flood_group {
        key = { meta.vni : exact @name("vni"); }
        actions = { flood; @defaultonly NoAction; }
        const default_action = NoAction();
    }

    action drop_it() {
        mark_to_drop(std_meta);
    }

    // What happens to a frame when nothing below decides.
    table undecided {
        actions = { drop_it; NoAction; }
        default_action = NoAction();
    }

    // What happens to a frame whose destination is not in dmac.
    action flood_it() {
        meta.flooded = 1;
    }

    table unknown_destination {
        actions = { flood_it; NoAction; }
        default_action = NoAction();
    }

    apply {
        undecided.apply();
        tunnel.apply();

        bit<1> mine = 0;
        if (hdr.vlan.isValid()) {
            if (access_vni.apply().hit) {
                mine = 1;
                meta.frame_len = (bit<16>)std_meta.packet_length - VLAN_LEN;
            }
        } else if (meta.from_tunnel == 1) {
            if (local_vtep.apply().hit) {
                mine = 1;
                meta.vni = hdr.vxlan.vni;
            }
        }

        if (mine == 1) {
            seen_address.apply();
            seen_place.apply();
            smac.apply();
            entropy.apply();
            if (!dmac.apply().hit) {
                unknown_destination.apply();
                if (meta.flooded == 1) {
                    flood_group.apply();
                }
            }
        }
    }
}

control VtepEgress(inout headers_t hdr,
                   inout metadata_t meta,
                   inout standard_metadata_t std_meta) {
    // ---- task 4: where a copy of a flooded frame goes -------------------------------------------

    action copy_to_port() {
        meta.to_tunnel = 0;
    }

    action copy_to_vtep(ipv4_t vtep) {
        meta.to_tunnel = 1;
        meta.remote_vtep = vtep;
    }

    table replica {
        key = { std_meta.egress_rid : exact @name("rid"); }
        actions = { copy_to_port; copy_to_vtep; @defaultonly NoAction; }
        const default_action = NoAction();
    }

    action go() { }

    action stop() {
        mark_to_drop(std_meta);
    }

    // Which frames and copies may leave.
    table leaves {
        key = {
            meta.same_port   : ternary @name("same_port");
            meta.from_tunnel : ternary @name("from_tunnel");
            meta.to_tunnel   : ternary @name("to_tunnel");
        }
        actions = { go; stop; }
        const default_action = go();
    }

    // ---- task 1: encapsulation ------------------------------------------------------------------

    action encapsulate() {
        hdr.outer_ethernet.setValid();              // its addresses: table link
        hdr.outer_ethernet.ether_type = ETHERTYPE_IPV4;

        hdr.outer_ipv4.setValid();
        hdr.outer_ipv4.version = 4;
        hdr.outer_ipv4.ihl = 5;
        hdr.outer_ipv4.tos = 0;
        hdr.outer_ipv4.identification = 0;
        hdr.outer_ipv4.reserved = 0;
        hdr.outer_ipv4.dont_fragment = 1;
        hdr.outer_ipv4.more_fragments = 0;
        hdr.outer_ipv4.frag_offset = 0;
        hdr.outer_ipv4.ttl = 64;
        hdr.outer_ipv4.protocol = PROTO_UDP;
        hdr.outer_ipv4.src_addr = meta.own_vtep;
        hdr.outer_ipv4.dst_addr = meta.remote_vtep;

        hdr.outer_udp.setValid();
        hdr.outer_udp.src_port = meta.entropy_port;
        hdr.outer_udp.dst_port = VXLAN_PORT;

        hdr.vxlan.setValid();
        hdr.vxlan.vni = meta.vni;
    }

    action add_to_frame_length(bit<16> for_ip, bit<16> for_udp) {
        hdr.outer_ipv4.total_len = meta.frame_len + for_ip;
        hdr.outer_udp.length = meta.frame_len + for_udp;
    }

    action add_to_inner_ip_length(bit<16> for_ip, bit<16> for_udp) {
        hdr.outer_ipv4.total_len = hdr.ipv4.total_len + for_ip;
        hdr.outer_udp.length = hdr.ipv4.total_len + for_udp;
    }

    table outer_lengths {
        actions = { add_to_frame_length; add_to_inner_ip_length; NoAction; }
        default_action = NoAction();
    }

    // compute_ip: whether the IP checksum is computed; udp: the UDP checksum.
    action checksums(bit<1> compute_ip, bit<16> udp) {
        meta.sum_ip = compute_ip;
        hdr.outer_udp.checksum = udp;
    }

    table outer_checksums {
        actions = { checksums; NoAction; }
        default_action = NoAction();
    }

    action fields(bit<8> flags, bit<24> reserved1, bit<8> reserved2) {
        hdr.vxlan.flags = flags;
        hdr.vxlan.reserved1 = reserved1;
        hdr.vxlan.reserved2 = reserved2;
    }

    table vxlan_fields {
        actions = { fields; NoAction; }
        default_action = NoAction();
    }

    action keep_tag() { }

    action remove_tag() {
        hdr.vlan.setInvalid();
    }

    action remove_tag_and_restore_type() {
        hdr.ethernet.ether_type = hdr.vlan.ether_type;
        hdr.vlan.setInvalid();
    }

    table access_tag {
        actions = { keep_tag; remove_tag; remove_tag_and_restore_type; NoAction; }
        default_action = NoAction();
    }

    action set_macs(mac_t src_addr, mac_t dst_addr) {
        hdr.outer_ethernet.src_addr = src_addr;
        hdr.outer_ethernet.dst_addr = dst_addr;
    }

    table link {
        key = { std_meta.egress_port : exact @name("port"); }
        actions = { set_macs; @defaultonly NoAction; }
        const default_action = NoAction();
    }

    // ---- task 3: decapsulation ------------------------------------------------------------------

    // 1: the header is made invalid, 0: it stays.
    action make_invalid(bit<1> ethernet, bit<1> ipv4, bit<1> udp, bit<1> vxlan) {
        if (ethernet == 1) { hdr.outer_ethernet.setInvalid(); }
        if (ipv4 == 1) { hdr.outer_ipv4.setInvalid(); }
        if (udp == 1) { hdr.outer_udp.setInvalid(); }
        if (vxlan == 1) { hdr.vxlan.setInvalid(); }
    }

    table outer_headers {
        actions = { make_invalid; NoAction; }
        default_action = NoAction();
    }

    // first: EtherType of the Ethernet header in front of the tag.
    action push_tag(bit<16> first) {
        hdr.vlan.setValid();
        hdr.vlan.pcp = 0;
        hdr.vlan.dei = 0;
        hdr.vlan.ether_type = hdr.ethernet.ether_type;
        hdr.ethernet.ether_type = first;
    }

    table deliver_tag {
        actions = { push_tag; NoAction; }
        default_action = NoAction();
    }

    action set_vid(vid_t vid) {
        hdr.vlan.vid = vid;
    }

    table port_vlan {
        key = {
            std_meta.egress_port : exact @name("port");
            meta.vni             : exact @name("vni");
        }
        actions = { set_vid; @defaultonly NoAction; }
        const default_action = NoAction();
    }

    apply {
        if (meta.flooded == 1) {
            replica.apply();
        }

        if (std_meta.egress_port == std_meta.ingress_port) {
            meta.same_port = 1;
        }
        switch (leaves.apply().action_run) {
            stop: { return; }
            default: { }
        }
        if (meta.to_tunnel == 1) {
            encapsulate();
            outer_lengths.apply();
            outer_checksums.apply();
            vxlan_fields.apply();
            access_tag.apply();
            link.apply();
        } else {
            if (meta.from_tunnel == 1) {
                outer_headers.apply();
                deliver_tag.apply();
            }
            port_vlan.apply();
        }
    }
}

// Task 1: the checksum of the outer IP header.
control VtepComputeChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(
            hdr.outer_ipv4.isValid() && meta.sum_ip == 1,
            { hdr.outer_ipv4.version, hdr.outer_ipv4.ihl, hdr.outer_ipv4.tos,
              hdr.outer_ipv4.total_len, hdr.outer_ipv4.identification,
              hdr.outer_ipv4.reserved, hdr.outer_ipv4.dont_fragment,
              hdr.outer_ipv4.more_fragments, hdr.outer_ipv4.frag_offset,
              hdr.outer_ipv4.ttl, hdr.outer_ipv4.protocol,
              hdr.outer_ipv4.src_addr, hdr.outer_ipv4.dst_addr },
            hdr.outer_ipv4.checksum,
            HashAlgorithm.csum16);
    }
}

// Task 1: the headers that are valid leave in this order.
control VtepDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.outer_ethernet);
        packet.emit(hdr.outer_ipv4);
        packet.emit(hdr.outer_udp);
        packet.emit(hdr.vxlan);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ports);
    }
}

V1Switch(VtepParser(),
         VtepVerifyChecksum(),
         VtepIngress(),
         VtepEgress(),
         VtepComputeChecksum(),
         VtepDeparser()) main;
