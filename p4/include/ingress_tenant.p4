// Ingress, for every frame of a tenant, from a machine or from a tunnel: whether the tenant exists,
// its meter and ACL, and learning of the source address.

control IngressTenant(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    direct_counter(CounterType.packets_and_bytes) tenant_counter;
    direct_meter<bit<2>>(MeterType.bytes) tenant_meter;

    action admit() {
        tenant_counter.count();
        tenant_meter.read(meta.color);
    }

    table tenant {
        key = { meta.vni : exact @name("vni"); }
        actions = { admit; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.VNI_UNKNOWN);
        counters = tenant_counter;
        meters = tenant_meter;
        size = 1024;
    }

    direct_counter(CounterType.packets_and_bytes) acl_counter;

    action permit() {
        acl_counter.count();
    }

    action deny() {
        acl_counter.count();
        meta.drop_reason = DropReason.ACL;
    }

    // The copy is the frame as it came in; of the metadata it keeps the list CLONE_FIELDS.
    action permit_and_copy() {
        acl_counter.count();
        meta.punt_reason = PuntReason.ACL_COPY;
        clone_preserving_field_list(CloneType.I2E, CPU_CLONE_SESSION, CLONE_FIELDS);
    }

    table tenant_acl {
        key = {
            meta.vni               : ternary @name("vni");
            meta.tenant.ether_type : ternary @name("ether_type");
            meta.tenant.src        : ternary @name("src");
            meta.tenant.dst        : ternary @name("dst");
            meta.tenant.protocol   : ternary @name("protocol");
            meta.tenant.l4_src     : ternary @name("l4_src");
            meta.tenant.l4_dst     : ternary @name("l4_dst");
            meta.tenant.fragment   : ternary @name("fragment");
        }
        actions = { permit; deny; permit_and_copy; }
        default_action = permit();
        counters = acl_counter;
        size = 1024;
    }

    action known() { }

    action unknown() { }

    // An entry holds an address and its location, so an address that moved misses and is reported again.
    table smac {
        key = {
            meta.vni              : exact @name("vni");
            hdr.ethernet.src_addr : exact @name("mac");
            meta.learn_port       : exact @name("port");
            meta.learn_vtep       : exact @name("vtep");
        }
        actions = { known; @defaultonly unknown; }
        const default_action = unknown();
        size = 16384;
        support_timeout = true;
    }

    // How many unknown addresses of each tenant are reported. One tenant's flood of them must not
    // fill the queue to the controller, in which the others' wait as well.
    direct_meter<bit<2>>(MeterType.packets) learn_meter;

    action limited() {
        learn_meter.read(meta.learn_color);
    }

    table learn_limit {
        key = { meta.vni : exact @name("vni"); }
        actions = { limited; @defaultonly NoAction; }
        const default_action = NoAction();
        meters = learn_meter;
        size = 1024;
    }

    action learn() {
        digest<mac_learn>(1, { meta.vni, hdr.ethernet.src_addr, meta.learn_port, meta.learn_vtep });
    }

    apply {
        tenant.apply();
        if (meta.color == V1MODEL_METER_COLOR_RED) {
            meta.drop_reason = DropReason.METER;
        }
        if (meta.drop_reason == DropReason.NONE) {
            tenant_acl.apply();
        }
        // Learn only from frames that are admitted.
        if (meta.drop_reason == DropReason.NONE && !smac.apply().hit) {
            learn_limit.apply();
            if (meta.learn_color != V1MODEL_METER_COLOR_RED) {
                learn();
            }
        }
    }
}
