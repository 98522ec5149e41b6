// Headers as wholes, and fields with unusual names and types. The first byte says what to do.
#include <core.p4>
#include <v1model.p4>

struct inner_t { bit<8> x; bit<8> y; }
header order_h { bit<8> what; inner_t inner; }
header flags_h { bool set; bit<7> V; bit<8> O; bit<8> D; }
header pair_h { bit<16> a; bit<16> b; }
header sum_h { bit<8> equal; bit<8> found; bit<16> hash; }
header raw_h { bit<16> a; bit<16> b; }
struct headers_t {
    order_h order; flags_h flags; pair_h one; pair_h two; raw_h three; raw_h copy; sum_h sum;
}
struct metadata_t {}

parser HeaderParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.order);
        packet.extract(hdr.flags);
        packet.extract(hdr.one);
        transition select(hdr.order.what) { 9: accept; default: more; }
    }
    state more { packet.extract(hdr.two); packet.extract(hdr.three); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control HeaderIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    action found(bit<8> v) { hdr.sum.found = v; }
    table inner {
        key = { hdr.order.inner.y : exact; }
        actions = { found; NoAction; }
        const default_action = NoAction();
        const entries = { 5 : found(0x55); 6 : found(0x66); }
    }
    apply {
        standard.egress_spec = 2;
        hdr.sum.setValid();
        hdr.sum.equal = (hdr.one == hdr.two) ? 8w1 : 8w0;
        hash(hdr.sum.hash, HashAlgorithm.csum16, 16w0, { hdr.two }, 32w0x10000);
        inner.apply();
        if (hdr.order.what == 1 || hdr.order.what == 9) { hdr.copy = hdr.three; }
        if (hdr.order.what == 3) { hdr.flags.set = !hdr.flags.set; hdr.flags.V = 3; }
        if (hdr.order.what == 4) { hdr.flags.O = hdr.flags.D; hdr.flags.setInvalid(); }
        if (hdr.order.what == 5) { hdr.flags.D = hdr.flags.O + 1; }
    }
}
control HeaderEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control HeaderDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.order); packet.emit(hdr.flags); packet.emit(hdr.one); packet.emit(hdr.two);
        packet.emit(hdr.three); packet.emit(hdr.copy); packet.emit(hdr.sum);
    }
}
V1Switch(HeaderParser(), Nothing(), HeaderIngress(), HeaderEgress(), Nothing(),
         HeaderDeparser()) main;
