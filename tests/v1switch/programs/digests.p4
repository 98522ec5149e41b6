// Digests: two kinds, with narrow and wide fields, and several calls of which the last wins.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<16> number; int<8> small; bit<100> wide; bit<4> rest; }
struct headers_t { order_h order; }
struct metadata_t { bit<1> flag; }
struct seen_t { bit<16> number; bit<9> port; bit<1> flag; }
struct large_t { bit<100> wide; bit<8> small; bit<16> number; }

parser DigestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    state start { packet.extract(hdr.order); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control DigestIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    apply {
        standard.egress_spec = 2;
        if (hdr.order.isValid()) {
            meta.flag = hdr.order.number[0:0];
            if (hdr.order.what & 1 == 1) {
                digest<seen_t>(1, { hdr.order.number, standard.ingress_port, meta.flag });
            }
            if (hdr.order.what & 2 == 2) {
                digest<large_t>(1, { hdr.order.wide, (bit<8>)hdr.order.small, hdr.order.number });
            }
            if (hdr.order.what & 4 == 4) { hdr.order.number = hdr.order.number + 0x4000; }
            if (hdr.order.what & 8 == 8) { mark_to_drop(standard); }
        }
    }
}
control DigestEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control DigestDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.order); } }
V1Switch(DigestParser(), Nothing(), DigestIngress(), DigestEgress(), Nothing(),
         DigestDeparser()) main;
