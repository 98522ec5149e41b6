// What parsers do: stacks in a loop, lookahead, masked and ranged select, value sets, varbit,
// unions, advance, verify. A result header behind Ethernet tells what was found.
#include <core.p4>
#include <v1model.p4>

error { BadVersion, ShortIhl }

header ethernet_h { bit<48> dst; bit<48> src; bit<16> type; }
header result_h {
    bit<32> error_code;
    bit<8>  path;
    bit<8>  labels;
    bit<20> last_label;
    bit<4>  peeked;
    bit<24> ahead;
    bit<16> l4;
}
header mpls_h { bit<20> label; bit<3> tc; bit<1> bos; bit<8> ttl; }
header ipv4_h {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<16> id; bit<3> flags;
    bit<13> frag; bit<8> ttl; bit<8> proto; bit<16> csum; bit<32> src; bit<32> dst;
    varbit<320> options;
}
header tcp_h { bit<16> sport; bit<16> dport; bit<32> seq; }
header udp_h { bit<16> sport; bit<16> dport; }
header_union l4_u { tcp_h tcp; udp_h udp; }
header odd_h { bit<3> a; int<5> b; bit<72> wide; bit<40> forty; bit<24> small; bit<56> large; }

struct headers_t {
    ethernet_h ethernet;
    result_h   result;
    mpls_h[3]  mpls;
    ipv4_h     ipv4;
    l4_u       l4;
    odd_h      odd;
}
struct metadata_t { bit<8> path; bit<4> peeked; bit<24> ahead; bit<20> last_label; }

parser ZooParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                 inout standard_metadata_t standard) {
    value_set<bit<16>>(4) special;

    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type, standard.ingress_port) {
            (0x8847, _): parse_mpls;
            (0x0800, _): parse_ipv4;
            (0x9000 &&& 0xff00, 1): masked;
            (0xa010 .. 0xa01f, _): ranged;
            (0xbbbb, _): skip;
            (0xcccc, _): odd;
            default: more;
        }
    }
    state more {
        transition select(hdr.ethernet.type) {
            special: in_set;
            default: accept;
        }
    }
    state masked { meta.path = 1; transition accept; }
    state ranged { meta.path = 2; transition accept; }
    state in_set { meta.path = 3; transition accept; }
    state skip {
        meta.path = 4;
        packet.advance(32);
        meta.ahead = packet.lookahead<bit<24>>();
        transition accept;
    }
    state odd { meta.path = 5; packet.extract(hdr.odd); transition accept; }
    state parse_mpls {
        packet.extract(hdr.mpls.next);
        meta.last_label = hdr.mpls.last.label;
        transition select(hdr.mpls.last.bos) {
            0: parse_mpls;
            1: after_mpls;
        }
    }
    state after_mpls {
        meta.peeked = packet.lookahead<bit<4>>();
        transition select(meta.peeked) { 4: parse_ipv4; default: accept; }
    }
    state parse_ipv4 {
        bit<8> first = packet.lookahead<bit<8>>();
        packet.extract(hdr.ipv4, ((bit<32>)first[3:0] - 5) * 32);
        verify(hdr.ipv4.version == 4, error.BadVersion);
        verify(hdr.ipv4.ihl >= 5, error.ShortIhl);
        transition select(hdr.ipv4.proto) {
            6: parse_tcp;
            17: parse_udp;
            default: accept;
        }
    }
    state parse_tcp { packet.extract(hdr.l4.tcp); transition accept; }
    state parse_udp { packet.extract(hdr.l4.udp); transition accept; }
}

control Verify(inout headers_t hdr, inout metadata_t meta) { apply {} }

control ZooIngress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    apply {
        standard.egress_spec = 2;
        if (hdr.ethernet.isValid()) {
            hdr.result.setValid();
            hdr.result.path = meta.path;
            hdr.result.peeked = meta.peeked;
            hdr.result.ahead = meta.ahead;
            hdr.result.last_label = meta.last_label;
            if (standard.parser_error == error.NoError) { hdr.result.error_code = 0; }
            else if (standard.parser_error == error.PacketTooShort) { hdr.result.error_code = 1; }
            else if (standard.parser_error == error.StackOutOfBounds) { hdr.result.error_code = 3; }
            else if (standard.parser_error == error.HeaderTooShort) { hdr.result.error_code = 4; }
            else if (standard.parser_error == error.BadVersion) { hdr.result.error_code = 100; }
            else if (standard.parser_error == error.ShortIhl) { hdr.result.error_code = 101; }
            else { hdr.result.error_code = 0xffffffff; }
            hdr.result.labels = 0;
            if (hdr.mpls[0].isValid()) { hdr.result.labels = hdr.result.labels + 1; }
            if (hdr.mpls[1].isValid()) { hdr.result.labels = hdr.result.labels + 1; }
            if (hdr.mpls[2].isValid()) { hdr.result.labels = hdr.result.labels + 1; }
            if (hdr.l4.tcp.isValid()) { hdr.result.l4 = hdr.l4.tcp.dport; }
            else if (hdr.l4.udp.isValid()) { hdr.result.l4 = hdr.l4.udp.dport | 0x8000; }
            if (hdr.odd.isValid()) {
                hdr.odd.b = hdr.odd.b - 1;
                hdr.odd.wide = hdr.odd.wide + 1;
                hdr.odd.forty = hdr.odd.forty ^ 0xff;
                hdr.odd.small = hdr.odd.small - 1;
                hdr.odd.large = hdr.odd.large + 0x100000000;
            }
        }
    }
}

control ZooEgress(inout headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) { apply {} }
control Compute(inout headers_t hdr, inout metadata_t meta) { apply {} }

control ZooDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.result);
        packet.emit(hdr.mpls);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.l4);
        packet.emit(hdr.odd);
    }
}

V1Switch(ZooParser(), Verify(), ZooIngress(), ZooEgress(), Compute(), ZooDeparser()) main;
