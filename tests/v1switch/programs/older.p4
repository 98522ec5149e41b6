// JSON as p4c of 2015 wrote it, or writes it rarely: mend.py takes `metadata` off the headers, makes
// the checksum one of type ipv4; fields, parameters and members of digests of no bits are p4c's own.
#include <core.p4>
#include <v1model.p4>

header ethernet_h { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_h {
    bit<4> version; bit<4> ihl; bit<8> diffserv; bit<16> total; bit<16> identification;
    bit<3> flags; bit<13> offset; bit<8> ttl; bit<8> protocol; bit<16> checksum;
    bit<32> src; bit<32> dst; bit<0> nothing;
}
header options_h { bit<32> first; }
header spare_h { bit<8> kind; bit<24> number; }
struct headers_t { ethernet_h ethernet; ipv4_h ipv4; options_h options; spare_h spare; }
struct told_t { bit<8> protocol; bit<0> empty; bit<32> hop; }
struct metadata_t { bit<32> next_hop; bit<8> wrong; bit<0> none; }

parser OlderParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) { 0x800: ipv4; default: accept; }
    }
    state ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.ihl) { 6: options; default: accept; }
    }
    state options { packet.extract(hdr.options); transition accept; }
}
control Verify(inout headers_t hdr, inout metadata_t meta) {
    apply { verify_checksum(hdr.ipv4.isValid(), { hdr.ipv4.version }, hdr.ipv4.checksum, HashAlgorithm.csum16); }
}

control OlderIngress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) {
    action drop() { mark_to_drop(standard); }
    action next(bit<0> empty, bit<32> hop) {
        meta.next_hop = hop;
        meta.none = empty;
        standard.egress_spec = 7w0 ++ hop[1:0];
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    action rewrite(bit<0> first, bit<48> mac) { hdr.ethernet.dst = mac; hdr.ipv4.nothing = first; }
    action spare(bit<0> only) { hdr.spare.setValid(); hdr.spare.kind = 7; hdr.spare.number = 0; }
    table routes {
        key = { hdr.ipv4.dst : lpm; }
        actions = { next; drop; NoAction; }
        size = 64;
    }
    table macs {
        key = { hdr.ipv4.src : exact; }
        actions = { rewrite; NoAction; }
        size = 64;
    }
    table spares {
        key = { hdr.ipv4.protocol : range; hdr.ipv4.diffserv : ternary; }
        actions = { spare; NoAction; }
        size = 64;
    }
    apply {
        standard.egress_spec = 2;
        meta.next_hop = 0;
        meta.wrong = (bit<8>)standard.checksum_error;
        if (hdr.ipv4.isValid()) {
            routes.apply();
            macs.apply();
            spares.apply();
            hdr.ethernet.src = 16w0 ++ meta.next_hop;
            digest<told_t>(1, { hdr.ipv4.protocol, meta.none, meta.next_hop });
            if (meta.wrong == 1) { hdr.ipv4.diffserv = 0xff; }
        }
    }
}
control OlderEgress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) { apply {} }
control Update(inout headers_t hdr, inout metadata_t meta) {
    apply { update_checksum(hdr.ipv4.isValid(), { hdr.ipv4.version }, hdr.ipv4.checksum, HashAlgorithm.csum16); }
}
control OlderDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
V1Switch(OlderParser(), Verify(), OlderIngress(), OlderEgress(), Update(), OlderDeparser()) main;
