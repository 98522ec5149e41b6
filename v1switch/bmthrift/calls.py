"""The calls of BMv2's services: standard, simple_pre, simple_pre_lag, simple_switch.

Names, numbers and types are those of BMv2 1.15's standard.thrift, simple_pre.thrift,
simple_pre_lag.thrift and simple_switch.thrift, by which clients were made.
"""

from __future__ import annotations

from collections.abc import Callable

from v1switch.bmthrift import codes, structs
from v1switch.bmthrift.description import (
    BINARY,
    BOOL,
    I16,
    I32,
    I64,
    STRING,
    Call,
    Type,
    list_of,
    of,
)

CONTEXT = "cxt_id"
Calls = dict[str, Call]
Code = Callable[[Exception], int]


def _calls(code: Code | None, *first: tuple[str, Type]) -> Callable[..., Call]:
    """A way to write calls down that begin with some arguments and refuse in one way."""

    def call(*, returns: Type | None = None, **arguments: Type) -> Call:
        return Call((*first, *arguments.items()), returns, code)

    return call


_context = (CONTEXT, I32)
_table = _calls(codes.table_code, _context, ("table_name", STRING))
_profile = _calls(codes.table_code, _context, ("act_prof_name", STRING))
_counter = _calls(codes.counter_code, _context, ("counter_name", STRING))
_meter = _calls(codes.meter_code, _context, ("meter_array_name", STRING))
_register = _calls(codes.register_code, _context, ("register_array_name", STRING))
_value_set = _calls(codes.value_set_code, _context, ("parse_vset_name", STRING))
_learning = _calls(None, _context, ("list_id", I32))
_calculation = _calls(codes.calculation_code, _context, ("calc_name", STRING))
_plain = _calls(None)
_multicast = _calls(codes.mc_code, _context)
_mirroring = _calls(None, ("mirror_id", I32))

_DATA = list_of(BINARY)
_KEY = list_of(of(structs.MatchParam))
_OPTIONS = of(structs.AddEntryOptions)
_RATES = list_of(of(structs.MeterRate))
_ENTRY = of(structs.Entry)
_COUNTS = of(structs.CounterValue)

TABLES: Calls = {
    "bm_mt_get_num_entries": _table(returns=I64),
    "bm_mt_clear_entries": _table(reset_default_entry=BOOL),
    "bm_mt_add_entry": _table(
        match_key=_KEY, action_name=STRING, action_data=_DATA, options=_OPTIONS, returns=I32
    ),
    "bm_mt_set_default_action": _table(action_name=STRING, action_data=_DATA),
    "bm_mt_reset_default_entry": _table(),
    "bm_mt_delete_entry": _table(entry_handle=I32),
    "bm_mt_modify_entry": _table(entry_handle=I32, action_name=STRING, action_data=_DATA),
    "bm_mt_set_entry_ttl": _table(entry_handle=I32, timeout_ms=I32),
    "bm_mt_indirect_add_entry": _table(
        match_key=_KEY, mbr_handle=I32, options=_OPTIONS, returns=I32
    ),
    "bm_mt_indirect_modify_entry": _table(entry_handle=I32, mbr_handle=I32),
    "bm_mt_indirect_delete_entry": _table(entry_handle=I32),
    "bm_mt_indirect_set_entry_ttl": _table(entry_handle=I32, timeout_ms=I32),
    "bm_mt_indirect_set_default_member": _table(mbr_handle=I32),
    "bm_mt_indirect_reset_default_entry": _table(),
    "bm_mt_indirect_ws_add_entry": _table(
        match_key=_KEY, grp_handle=I32, options=_OPTIONS, returns=I32
    ),
    "bm_mt_indirect_ws_modify_entry": _table(entry_handle=I32, grp_handle=I32),
    "bm_mt_indirect_ws_set_default_group": _table(grp_handle=I32),
    "bm_mt_get_entries": _table(returns=list_of(_ENTRY)),
    "bm_mt_get_entry": _table(entry_handle=I32, returns=_ENTRY),
    "bm_mt_get_default_entry": _table(returns=of(structs.ActionEntry)),
    "bm_mt_get_entry_from_key": _table(match_key=_KEY, options=_OPTIONS, returns=_ENTRY),
    "bm_mt_read_counter": _table(entry_handle=I32, returns=_COUNTS),
    "bm_mt_reset_counters": _table(),
    "bm_mt_write_counter": _table(entry_handle=I32, value=_COUNTS),
    "bm_mt_set_meter_rates": _table(entry_handle=I32, rates=_RATES),
    "bm_mt_get_meter_rates": _table(entry_handle=I32, returns=_RATES),
}

PROFILES: Calls = {
    "bm_mt_act_prof_add_member": _profile(action_name=STRING, action_data=_DATA, returns=I32),
    "bm_mt_act_prof_delete_member": _profile(mbr_handle=I32),
    "bm_mt_act_prof_modify_member": _profile(mbr_handle=I32, action_name=STRING, action_data=_DATA),
    "bm_mt_act_prof_create_group": _profile(returns=I32),
    "bm_mt_act_prof_delete_group": _profile(grp_handle=I32),
    "bm_mt_act_prof_add_member_to_group": _profile(mbr_handle=I32, grp_handle=I32),
    "bm_mt_act_prof_remove_member_from_group": _profile(mbr_handle=I32, grp_handle=I32),
    "bm_mt_act_prof_get_members": _profile(returns=list_of(of(structs.ProfileMember))),
    "bm_mt_act_prof_get_member": _profile(mbr_handle=I32, returns=of(structs.ProfileMember)),
    "bm_mt_act_prof_get_groups": _profile(returns=list_of(of(structs.ProfileGroup))),
    "bm_mt_act_prof_get_group": _profile(grp_handle=I32, returns=of(structs.ProfileGroup)),
}

ARRAYS: Calls = {
    "bm_counter_read": _counter(index=I32, returns=_COUNTS),
    "bm_counter_reset_all": _counter(),
    "bm_counter_write": _counter(index=I32, value=_COUNTS),
    "bm_meter_array_set_rates": _meter(rates=_RATES),
    "bm_meter_set_rates": _meter(index=I32, rates=_RATES),
    "bm_meter_get_rates": _meter(index=I32, returns=_RATES),
    "bm_register_read": _register(idx=I32, returns=I64),
    "bm_register_read_all": _register(returns=list_of(I64)),
    "bm_register_write": _register(index=I32, value=I64),
    "bm_register_write_range": _register(start_index=I32, end_index=I32, value=I64),
    "bm_register_reset": _register(),
    "bm_parse_vset_add": _value_set(value=BINARY),
    "bm_parse_vset_remove": _value_set(value=BINARY),
    "bm_parse_vset_get": _value_set(returns=list_of(BINARY)),
    "bm_parse_vset_clear": _value_set(),
    "bm_set_crc16_custom_parameters": _calculation(crc16_config=of(structs.Crc16Config)),
    "bm_set_crc32_custom_parameters": _calculation(crc32_config=of(structs.Crc32Config)),
    "bm_set_toeplitz_hash_key": _calculation(key=BINARY),
}

MANAGEMENT: Calls = {
    "bm_learning_ack": _learning(buffer_id=I64, sample_ids=list_of(I32)),
    "bm_learning_ack_buffer": _learning(buffer_id=I64),
    "bm_learning_set_timeout": _learning(timeout_ms=I32),
    "bm_learning_set_buffer_size": _learning(nb_samples=I32),
    "bm_load_new_config": _plain(config_str=STRING),
    "bm_swap_configs": _plain(),
    "bm_dev_mgr_add_port": _plain(iface_name=STRING, port_num=I32, pcap_path=STRING),
    "bm_dev_mgr_remove_port": _plain(port_num=I32),
    "bm_dev_mgr_show_ports": _plain(returns=list_of(of(structs.PortInfo))),
    "bm_mgmt_get_info": _plain(returns=of(structs.Config)),
    "bm_reset_state": _plain(),
    "bm_get_config": _plain(returns=STRING),
    "bm_get_config_md5": _plain(returns=BINARY),
    "bm_get_id_from_name": _calls(None, _context)(
        resource_type=I32, resource_name=STRING, returns=I32
    ),
    "bm_serialize_state": _plain(returns=STRING),
}

_GROUPS: Calls = {
    "bm_mc_mgrp_create": _multicast(mgrp=I32, returns=I32),
    "bm_mc_mgrp_destroy": _multicast(mgrp_handle=I32),
    "bm_mc_node_associate": _multicast(mgrp_handle=I32, l1_handle=I32),
    "bm_mc_node_dissociate": _multicast(mgrp_handle=I32, l1_handle=I32),
    "bm_mc_node_destroy": _multicast(l1_handle=I32),
    "bm_mc_get_entries": _multicast(returns=STRING),
}
SIMPLE_PRE: Calls = {
    **_GROUPS,
    "bm_mc_node_create": _multicast(rid=I32, port_map=STRING, returns=I32),
    "bm_mc_node_update": _multicast(l1_handle=I32, port_map=STRING),
}
SIMPLE_PRE_LAG: Calls = {
    **_GROUPS,
    "bm_mc_node_create": _multicast(rid=I32, port_map=STRING, lag_map=STRING, returns=I32),
    "bm_mc_node_update": _multicast(l1_handle=I32, port_map=STRING, lag_map=STRING),
    "bm_mc_set_lag_membership": _multicast(lag_index=I16, port_map=STRING),
}

SIMPLE_SWITCH: Calls = {
    "mirroring_mapping_add": _plain(mirror_id=I32, egress_port=I32, returns=I32),
    "mirroring_mapping_delete": _plain(mirror_id=I32, returns=I32),
    "mirroring_mapping_get_egress_port": _plain(mirror_id=I32, returns=I32),
    "mirroring_session_add": _mirroring(config=of(structs.MirroringConfig)),
    "mirroring_session_delete": _mirroring(),
    "mirroring_session_get": _mirroring(returns=of(structs.MirroringConfig)),
    "set_egress_priority_queue_depth": _plain(
        port_num=I32, priority=I32, depth_pkts=I32, returns=I32
    ),
    "set_egress_queue_depth": _plain(port_num=I32, depth_pkts=I32, returns=I32),
    "set_all_egress_queue_depths": _plain(depth_pkts=I32, returns=I32),
    "set_egress_priority_queue_rate": _plain(port_num=I32, priority=I32, rate_pps=I64, returns=I32),
    "set_egress_queue_rate": _plain(port_num=I32, rate_pps=I64, returns=I32),
    "set_all_egress_queue_rates": _plain(rate_pps=I64, returns=I32),
    "get_time_elapsed_us": _plain(returns=I64),
    "get_time_since_epoch_us": _plain(returns=I64),
}

STANDARD: Calls = {**TABLES, **PROFILES, **ARRAYS, **MANAGEMENT}
SERVICES: dict[str, Calls] = {
    "standard": STANDARD,
    "simple_pre": SIMPLE_PRE,  # simple_switch does not serve it, but bm_CLI asks for it
    "simple_pre_lag": SIMPLE_PRE_LAG,
    "simple_switch": SIMPLE_SWITCH,
}
