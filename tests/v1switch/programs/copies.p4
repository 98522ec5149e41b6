// Copies of copies: several replicas on a port, clones in egress of clones of ingress, multicast of
// what was recirculated. The first byte orders ingress, the second egress, the third is an argument.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> ingress_; bit<8> egress_; bit<8> arg; bit<8> rounds; }
header trail_h {
    bit<8> type; bit<8> rid; bit<8> port; bit<8> kept; bit<8> lost; bit<8> rounds; bit<16> length;
}
struct headers_t { order_h order; trail_h[3] trail; }
struct metadata_t {
    @field_list(1, 2) bit<8> kept;
    @field_list(2) bit<8> rounds;
    @field_list(3) bit<48> wide;
    @field_list(2, 3) bit<3> narrow;
    bit<8> lost;
}

parser CopyParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start { packet.extract(hdr.order); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control CopyIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    counter(8, CounterType.packets_and_bytes) types;
    action note() { meta.lost = 9; meta.wide = 0x123456789abc; meta.narrow = 5; }
    apply {
        types.count(standard.instance_type);
        standard.egress_spec = 2;
        if (meta.kept == 0) { meta.kept = hdr.order.arg; }
        note();
        if (hdr.order.ingress_ == 1) { standard.mcast_grp = (bit<16>)hdr.order.arg; }
        else if (hdr.order.ingress_ == 2) { clone_preserving_field_list(CloneType.I2E, (bit<32>)hdr.order.arg, 3); }
        else if (hdr.order.ingress_ == 3) {
            standard.mcast_grp = (bit<16>)hdr.order.arg;
            clone(CloneType.I2E, (bit<32>)hdr.order.arg);
        }
        else if (hdr.order.ingress_ == 4 && standard.instance_type == 0) {
            clone_preserving_field_list(CloneType.I2E, (bit<32>)hdr.order.arg, 1);
            resubmit_preserving_field_list(2);
        }
        else if (hdr.order.ingress_ == 5 && standard.instance_type != 0) {
            standard.mcast_grp = (bit<16>)hdr.order.arg;
        }
        else if (hdr.order.ingress_ == 6) { mark_to_drop(standard); clone(CloneType.I2E, 1); clone(CloneType.I2E, 2); }
        else if (hdr.order.ingress_ == 7) { truncate(9); clone(CloneType.I2E, 2); }
        else if (hdr.order.ingress_ == 8) { truncate(9); standard.mcast_grp = (bit<16>)hdr.order.arg; }
        meta.rounds = meta.rounds + 1;
    }
}
control CopyEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    counter(8, CounterType.packets_and_bytes) types;
    apply {
        types.count(standard.instance_type);
        hdr.trail.push_front(1);
        hdr.trail[0].setValid();
        hdr.trail[0].type = (bit<8>)standard.instance_type;
        hdr.trail[0].rid = (bit<8>)standard.egress_rid;
        hdr.trail[0].port = (bit<8>)standard.egress_port;
        hdr.trail[0].kept = meta.kept;
        hdr.trail[0].lost = meta.lost;
        hdr.trail[0].rounds = meta.rounds | (bit<8>)meta.narrow << 5;
        hdr.trail[0].length = (bit<16>)standard.packet_length;
        if (hdr.order.egress_ == 1 && standard.instance_type != 2) { clone(CloneType.E2E, (bit<32>)hdr.order.arg); }
        else if (hdr.order.egress_ == 2 && standard.instance_type != 2) {
            clone_preserving_field_list(CloneType.E2E, (bit<32>)hdr.order.arg, 2);
            mark_to_drop(standard);
        }
        else if (hdr.order.egress_ == 3 && hdr.order.rounds < 2) {
            hdr.order.rounds = hdr.order.rounds + 1;
            recirculate_preserving_field_list(2);
        }
        else if (hdr.order.egress_ == 4 && hdr.order.rounds < 1) {
            hdr.order.rounds = 1;
            recirculate_preserving_field_list(0); }
        else if (hdr.order.egress_ == 5 && standard.egress_rid == 2) { mark_to_drop(standard); }
        else if (hdr.order.egress_ == 6) { truncate(11); hdr.trail[0].setInvalid(); }
    }
}
control CopyDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.order); packet.emit(hdr.trail); }
}
V1Switch(CopyParser(), Nothing(), CopyIngress(), CopyEgress(), Nothing(), CopyDeparser()) main;
