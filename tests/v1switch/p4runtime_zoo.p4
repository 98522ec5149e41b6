// One object of every kind that P4Runtime can program on v1model.
#include <core.p4>
#include <v1model.p4>

typedef bit<9> port_t;

@controller_header("packet_in")
header packet_in_t {
    bit<9> ingress_port;
    bit<7> reason;
}

@controller_header("packet_out")
header packet_out_t {
    bit<9> egress_port;
    bit<7> pad;
}

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> kind;
}

header body_t {
    bit<32> address;
    bit<16> number;
    bit<8>  small;
    bit<12> odd;
    bit<4>  nibble;
}

struct headers_t {
    packet_in_t  packet_in;
    packet_out_t packet_out;
    ethernet_t   ethernet;
    body_t       body;
}

struct meta_t {
    bit<2> colour;
    bit<2> cell_colour;
    @field_list(1)
    bit<8> kept;
}

struct learn_t {
    bit<48> mac;
    bit<9>  port;
}

struct pair_t {
    bit<16> kind;
    @match(ternary) bit<8> top;
}

const port_t CPU = 510;

parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta,
             inout standard_metadata_t std) {
    value_set<bit<16>>(4) kinds;

    state start {
        transition select(std.ingress_port) {
            CPU: parse_packet_out;
            default: parse_ethernet;
        }
    }
    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition parse_ethernet;
    }
    state parse_ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.kind) {
            0x1234: parse_body;
            kinds: parse_body;
            default: accept;
        }
    }
    state parse_body {
        packet.extract(hdr.body);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout meta_t meta) { apply {} }
control Update(inout headers_t hdr, inout meta_t meta) { apply {} }

control Zoo(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
    counter(16, CounterType.packets_and_bytes) cells;
    meter(8, MeterType.bytes) cell_meter;
    register<bit<32>>(8) memory;
    direct_counter(CounterType.packets_and_bytes) exact_counter;
    direct_counter(CounterType.packets_and_bytes) ternary_counter;
    direct_meter<bit<2>>(MeterType.packets) exact_meter;

    action drop() { mark_to_drop(std); }
    action send(port_t port) { std.egress_spec = port; }
    action flood(bit<16> group) { std.mcast_grp = group; }
    action to_cpu() { std.egress_spec = CPU; }
    action copy(bit<8> value) { meta.kept = value; clone_preserving_field_list(CloneType.I2E, 5, 1); }
    @tableonly action entry_only(port_t port) { std.egress_spec = port; }
    @defaultonly action default_only() { mark_to_drop(std); }

    action metered_send(port_t port) {
        exact_meter.read(meta.colour);
        std.egress_spec = port;
    }
    table exact_table {
        key = { hdr.ethernet.dst: exact @name("dst"); hdr.body.odd: exact @name("odd"); }
        actions = { metered_send; drop; entry_only; default_only; }
        const default_action = drop();
        size = 4;
        counters = exact_counter;
        meters = exact_meter;
    }

    table lpm_table {
        key = { hdr.body.address: lpm @name("address"); }
        actions = { send; drop; @tableonly entry_only; @defaultonly default_only; NoAction; }
        default_action = NoAction();
        size = 16;
    }

    table ternary_table {
        key = {
            hdr.ethernet.src: ternary @name("src");
            hdr.body.number: range @name("number");
            hdr.body.small: optional @name("small");
            hdr.body.address: lpm @name("address");
            hdr.body.nibble: exact @name("nibble");
        }
        actions = { send; flood; to_cpu; copy; drop; NoAction; }
        default_action = NoAction();
        size = 16;
        counters = ternary_counter;
    }

    action learn() { digest<learn_t>(1, { hdr.ethernet.src, std.ingress_port }); }
    table aging_table {
        key = { hdr.ethernet.src: exact @name("src"); }
        actions = { learn; NoAction; }
        default_action = learn();
        support_timeout = true;
        size = 16;
    }

    table const_table {
        key = { hdr.body.small: exact @name("small"); }
        actions = { send; NoAction; }
        const entries = {
            1: send(1);
            2: send(2);
        }
    }

    table const_ternary_table {
        key = { hdr.body.small: ternary @name("small"); }
        actions = { send; NoAction; }
        const entries = {
            8w0x10 &&& 8w0xf0: send(1);
            8w0x20 &&& 8w0xf0: send(2);
        }
    }

    table keyless_table {
        actions = { send; NoAction; }
        default_action = NoAction();
    }

    action_profile(4) plain_profile;
    table indirect_table {
        key = { hdr.body.number: exact @name("number"); }
        actions = { send; drop; NoAction; }
        implementation = plain_profile;
        size = 8;
    }

    @max_group_size(4)
    action_selector(HashAlgorithm.crc16, 32w16, 32w16) choice;
    table selected_table {
        key = {
            hdr.body.number: exact @name("number");
            hdr.body.address: selector;
        }
        actions = { send; drop; NoAction; }
        implementation = choice;
        size = 8;
    }

    @max_group_size(4)
    action_selector(HashAlgorithm.crc16, 32w16, 32w16) shots;
    table shot_table {
        key = {
            hdr.body.number: exact @name("number");
            hdr.body.address: selector;
        }
        actions = { send; drop; NoAction; }
        implementation = shots;
        size = 8;
    }

    apply {
        if (hdr.packet_out.isValid()) {
            std.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
            exit;
        }
        cells.count((bit<32>) std.ingress_port);
        aging_table.apply();
        keyless_table.apply();
        if (hdr.body.isValid()) {
            cell_meter.execute_meter((bit<32>) hdr.body.nibble, meta.cell_colour);
            memory.write((bit<32>) hdr.body.nibble, hdr.body.address);
            exact_table.apply();
            lpm_table.apply();
            const_table.apply();
            const_ternary_table.apply();
            indirect_table.apply();
            selected_table.apply();
            shot_table.apply();
            ternary_table.apply();
        }
    }
}

control Out(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
    apply {
        if (std.egress_port == CPU) {
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = std.ingress_port;
            hdr.packet_in.reason = (bit<7>) meta.kept[6:0];
        }
    }
}

control Deparse(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.body);
    }
}

V1Switch(Parse(), Verify(), Zoo(), Out(), Update(), Deparse()) main;
