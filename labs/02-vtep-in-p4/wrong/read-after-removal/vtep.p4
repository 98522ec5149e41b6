// Lab 2: a VXLAN tunnel end point (VTEP) for the machines on its access ports.
//
//   machine --tagged frame--> VLAN -> VNI -> MAC address -> tunnel --VXLAN--> other VTEP
//   machine <--tagged frame-- VLAN <- VNI <- MAC address <- tunnel <--VXLAN-- other VTEP
//
// Tagged frames are the tenants' and come from machines. Untagged frames are the underlay's. What
// the tables hold is written by the controller; the names of tables and actions are its interface.

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
const bit<16> IPV4_LEN = 20;
const bit<16> UDP_LEN = 8;
const bit<16> VXLAN_LEN = 8;

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

    // VTEPs do not fragment. (IP options do not occur in this lab.)
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
        transition select(hdr.outer_udp.dst_port) {
            VXLAN_PORT: parse_vxlan;
            default:    accept;
        }
    }

    // Task 3
    state parse_vxlan {
        packet.extract(hdr.vxlan);
        transition select(hdr.vxlan.flags) {
            0x08 &&& 0x08: parse_inner;
            default:       accept;
        }
    }

    state parse_inner {
        packet.extract(hdr.ethernet);
        meta.from_tunnel = 1;
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

    action terminate() { }

    table local_vtep {
        key = { hdr.outer_ipv4.dst_addr : exact @name("vtep"); }
        actions = { terminate; NoAction; }
        const default_action = NoAction();
    }

    // ---- task 5: learning -----------------------------------------------------------------------

    action locate() {
        meta.seen_mac = hdr.ethernet.src_addr;
        meta.seen_port = 0;
        meta.seen_vtep = 0;
        if (meta.from_tunnel == 1) {
            meta.seen_vtep = hdr.outer_ipv4.src_addr;
        } else {
            meta.seen_port = std_meta.ingress_port;
        }
    }

    action known() { }

    action learn() {
        digest<mac_learn>(1, { meta.vni, meta.seen_mac, meta.seen_port, meta.seen_vtep });
    }

    // The addresses that the controller knows, each at its place.
    table smac {
        key = {
            meta.vni       : exact @name("vni");
            meta.seen_mac  : exact @name("mac");
            meta.seen_port : exact @name("port");
            meta.seen_vtep : exact @name("vtep");
        }
        actions = { known; @defaultonly learn; }
        const default_action = learn();
    }

    // ---- task 2: the source port of the tunnel --------------------------------------------------

    action hash_flow() {
        hash(meta.entropy_port, HashAlgorithm.crc32, 16w49152,
             { hdr.ethernet.src_addr, hdr.ethernet.dst_addr, meta.flow_src, meta.flow_dst,
               meta.flow_protocol, meta.flow_src_port, meta.flow_dst_port },
             32w16384);
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

    apply {
        // A frame is dropped unless something below decides otherwise.
        mark_to_drop(std_meta);

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
            locate();
            smac.apply();
            hash_flow();
            if (!dmac.apply().hit) {
                flood_group.apply();
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

    // ---- task 1: encapsulation ------------------------------------------------------------------

    action encapsulate() {
        hdr.outer_ethernet.setValid();              // its addresses: table link
        hdr.outer_ethernet.ether_type = ETHERTYPE_IPV4;

        hdr.outer_ipv4.setValid();
        hdr.outer_ipv4.version = 4;
        hdr.outer_ipv4.ihl = 5;
        hdr.outer_ipv4.tos = 0;
        hdr.outer_ipv4.total_len = meta.frame_len + IPV4_LEN + UDP_LEN + VXLAN_LEN;
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
        hdr.outer_udp.length = meta.frame_len + UDP_LEN + VXLAN_LEN;
        hdr.outer_udp.checksum = 0;

        hdr.vxlan.setValid();
        hdr.vxlan.flags = 0x08;
        hdr.vxlan.reserved1 = 0;
        hdr.vxlan.vni = meta.vni;
        hdr.vxlan.reserved2 = 0;

        hdr.vlan.setInvalid();
        hdr.ethernet.ether_type = hdr.vlan.ether_type;
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

    action decapsulate() {
        hdr.outer_ethernet.setInvalid();
        hdr.outer_ipv4.setInvalid();
        hdr.outer_udp.setInvalid();
        hdr.vxlan.setInvalid();

        hdr.vlan.setValid();                        // its VLAN: table port_vlan
        hdr.vlan.pcp = 0;
        hdr.vlan.dei = 0;
        hdr.vlan.ether_type = hdr.ethernet.ether_type;
        hdr.ethernet.ether_type = ETHERTYPE_VLAN;
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

        if (std_meta.egress_port == std_meta.ingress_port
            || (meta.from_tunnel == 1 && meta.to_tunnel == 1)) {
            mark_to_drop(std_meta);                 // task 4: split horizon
        } else if (meta.to_tunnel == 1) {
            encapsulate();
            link.apply();
        } else {
            if (meta.from_tunnel == 1) {
                decapsulate();
            }
            port_vlan.apply();
        }
    }
}

// Task 1: the checksum of the outer IP header.
control VtepComputeChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(
            hdr.outer_ipv4.isValid(),
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
