// Drops without ever naming egress_spec: in ingress what starts with 1, in egress what starts with 2,
// and what starts with 255 and not with 255 twice, whose checksum is not that of the metadata: 0.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<8> arg; }
struct headers_t { order_h order; }
struct metadata_t { bit<16> check; }

parser DropParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start { packet.extract(hdr.order); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control DropVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(true, { hdr.order.what, hdr.order.arg }, meta.check, HashAlgorithm.csum16);
    }
}

control DropIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    apply {
        if (hdr.order.what == 1) { mark_to_drop(standard); }
        if (hdr.order.what == 255 && standard.checksum_error == 1) {
            log_msg("a wrong checksum");
            mark_to_drop(standard);
        }
    }
}
control DropEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    apply { if (hdr.order.what == 2) { mark_to_drop(standard); } }
}
control DropDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.order); } }
V1Switch(DropParser(), DropVerify(), DropIngress(), DropEgress(), Nothing(), DropDeparser()) main;
