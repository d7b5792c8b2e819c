"""What Apple's commands print, in their formats, with made-up figures."""

import plistlib

SYSCTL = "hw.memsize: 68719476736\niogpu.wired_limit_mb: 0\n"
VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               100000.
Pages active:                             800000.
Pages inactive:                           780000.
Pages speculative:                         20000.
Pages throttled:                               0.
Pages wired down:                         300000.
Pages purgeable:                            1000.
"Translation faults":                 1234567890.
Pages copy-on-write:                    12345678.
Pages stored in compressor:               400000.
Pages occupied by compressor:             100000.
Swapins:                                    5000.
Swapouts:                                  12000.
"""
IOREG = plistlib.dumps(
    [
        {
            "IOClass": "AGXAcceleratorG14X",
            "model": "Apple M2 Max",
            "gpu-core-count": 38,
            "PerformanceStatistics": {
                "Device Utilization %": 42,
                "Renderer Utilization %": 40,
                "Tiler Utilization %": 12,
                "In use system memory": 25_000_000_000,
                "Alloc system memory": 40_000_000_000,
                "recoveryCount": 0,
            },
        }
    ]
)
NOTIFYUTIL = "com.apple.system.thermalpressurelevel 2\n"
POWERMETRICS = """Machine model: Mac14,6
OS version: 23F79

*** Sampled system activity (Fri Nov 21 09:30:00 2026 +0000) (1003.32ms elapsed) ***

**** Processor usage ****

E-Cluster Online: 100%
E-Cluster HW active frequency: 1021 MHz
E-Cluster HW active residency:  33.20% (600 MHz:   0% 912 MHz:  28%)
CPU 0 frequency: 1050 MHz
P0-Cluster HW active frequency: 3036 MHz

CPU Power: 4321 mW
GPU Power: 21500 mW
ANE Power: 12 mW
Combined Power (CPU + GPU + ANE): 25833 mW

**** GPU usage ****

GPU HW active frequency: 1397 MHz
GPU HW active residency:  96.41% (444 MHz: .10% 1398 MHz:  95%)
GPU idle residency:   3.59%
GPU Power: 21500 mW
"""
