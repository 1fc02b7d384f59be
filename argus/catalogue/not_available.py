"""What a reader may look for and not find, and why: rendered into docs/metrics.md."""

from __future__ import annotations

NOT_AVAILABLE = {
    "disk latency histogram": "libvirt gives one only for disks that ask for it in their XML, which Nova "
    "does not write. The mean latency over each interval is there.",
    "cache occupancy and memory bandwidth (RDT: LLC, MBM)": "needs monitors in the domain XML or resctrl "
    "groups, which neither Nova nor libvirt sets up by itself.",
    "measured energy of a guest": "no meter tells guests apart; an estimate by CPU time is there "
    "(argus_guest_energy_joules_total).",
    "file systems and load inside the guest": "needs the guest agent to do work inside the guest, on its "
    "owner's CPU; a hung agent blocks further calls. Whether the agent is connected is there.",
    "proportional memory (PSS) of a guest": "reading it walks all page tables of the guest; RSS, KSM and "
    "huge pages say the same at no cost.",
    "disk I/O of a guest's control group under cgroup version 1 without a limit": "the kernel counts only "
    "groups that have a limit; zeros would be wrong. QEMU's own counters of each disk are there.",
    "vCPU wait (vcpu.N.wait)": "0 on current kernels, and not what its name says; the delay is there.",
    "measuring the dirty rate": "starting it crashed guests in tests and slows migrations; a rate that "
    "somebody else had measured is shown.",
    "drops and backlog of a tap's queueing discipline": "only netlink tells them; drops of the tap itself "
    "are there.",
    "taps in another network namespace": "not visible in /sys/class/net of the agent's own; the guest's own "
    "counters come from libvirt.",
    "time slices of a single vCPU": "they are told of all vCPUs of the guest together (role vcpu); the delay "
    "is there by vCPU.",
    "clients and free workers of libvirtd": "its admin socket is open only to root and can change settings; "
    "the latency of each kind of call is there.",
    "huge page statistics by size (hugepages-*kB/stats)": "sizes below 2 MiB are off unless somebody turns "
    "them on; the sums in /proc/vmstat are there.",
    "run queue waiting where /proc/schedstat is missing": "the kernel was built without CONFIG_SCHEDSTATS; "
    "CPU pressure (PSI) says the same.",
    "vhost threads where vhost_net is not loaded": "there are none: QEMU moves the packets, in its emulator "
    "threads.",
    "histogram of halt polling, and other names of KVM": "the kernel's names are not stable; an allow-list "
    "is taken.",
    "downtime of a migration under way": "until then libvirt has only QEMU's guess; what it took is told "
    "with its end.",
    "vCPUs per core of a NUMA node": "the quotient of argus_node_numa_vcpus and argus_node_numa_cpus; "
    "both are there.",
    "a mark on each guest whose QEMU hangs": "its age on the path libvirt grows "
    "(argus_guest_data_age_seconds); how many there are is there.",
    "interfaces of user networking": "libvirt has no counters for them.",
}
