/* A stand-in for NVIDIA's library, to go the whole way through ctypes: as many devices as the test says, each
 * reading settable, each function able to fail with any of NVML's codes. It lacks functions that old drivers
 * lack, such as nvmlDeviceGetCurrentClocksEventReasons. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, BAD_ARGUMENT = 2, NOT_SUPPORTED = 3, SMALL = 7, TIMEOUT = 10, MOST = 512, DEVICES = 16 };
typedef struct { int device; char key[64]; long long value; } entry;
typedef struct { void *device; unsigned long long type, data; unsigned gpu, compute; } event;

static entry values[MOST], failures[MOST];
static int value_count, failure_count, device_count, hang_ms, opened;
static char handles[DEVICES];
static event events[64];
static int event_count;

static void put(entry *table, int *count, int device, const char *key, long long value) {
    for (int i = 0; i < *count; i++)
        if (table[i].device == device && !strcmp(table[i].key, key)) { table[i].value = value; return; }
    entry *e = &table[(*count)++];
    e->device = device; e->value = value;
    snprintf(e->key, sizeof e->key, "%s", key);
}
static long long get(const entry *table, int count, int device, const char *key, long long otherwise) {
    for (int i = 0; i < count; i++)
        if (table[i].device == device && !strcmp(table[i].key, key)) return table[i].value;
    return otherwise;
}

void fake_reset(int count) { value_count = failure_count = event_count = hang_ms = opened = 0; device_count = count; }
void fake_set(int device, const char *key, long long value) { put(values, &value_count, device, key, value); }
void fake_fail(int device, const char *function, int code) { put(failures, &failure_count, device, function, code); }
void fake_hang(int ms) { hang_ms = ms; }
void fake_xid(int device, long long code) {
    event e = {&handles[device], 8, (unsigned long long)code, 0, 0};
    events[event_count++] = e;
}
int fake_opened(void) { return opened; }

static int at(void *handle) { return (int)((char *)handle - handles); }
static int fail(void *handle, const char *function) {
    if (hang_ms) usleep(hang_ms * 1000);
    int device = handle ? at(handle) : -1;
    int all = (int)get(failures, failure_count, -1, "everything", OK);
    if (all) return all;
    if (handle && (all = (int)get(failures, failure_count, device, "everything", OK))) return all;
    return (int)get(failures, failure_count, device, function, OK);
}
#define VALUE(key) get(values, value_count, at(h), key, NO)
#define NO (-1000000LL)
#define CHECK(h) do { int code = fail(h, __func__ + 4); if (code) return code; } while (0)
#define ONE(name, type, key) \
    int nvml##name(void *h, type *out) { CHECK(h); long long v = VALUE(key); \
        if (v == NO) return NOT_SUPPORTED; *out = (type)v; return OK; }
#define KEYED(name, type, prefix) \
    int nvml##name(void *h, unsigned which, type *out) { CHECK(h); char key[64]; \
        snprintf(key, sizeof key, prefix "%u", which); long long v = VALUE(key); \
        if (v == NO) return NOT_SUPPORTED; *out = (type)v; return OK; }

int nvmlInitWithFlags(unsigned flags) { (void)flags; CHECK(0); opened++; return OK; }
int nvmlShutdown(void) { opened--; return OK; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) { CHECK(0); snprintf(out, size, "580.65.06"); return OK; }
int nvmlDeviceGetCount_v2(unsigned *out) { CHECK(0); *out = (unsigned)device_count; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
    if (index >= (unsigned)device_count) return BAD_ARGUMENT;
    void *h = &handles[index]; CHECK(h); *out = h; return OK;
}
int nvmlDeviceGetUUID(void *h, char *out, unsigned size) {
    CHECK(h); snprintf(out, size, "GPU-%08x-5566-7788-99aa-bbccddeeff00", 0x1a2b3c00 + at(h)); return OK;
}
int nvmlDeviceGetName(void *h, char *out, unsigned size) { CHECK(h); snprintf(out, size, "NVIDIA H100 80GB HBM3"); return OK; }
int nvmlDeviceGetVbiosVersion(void *h, char *out, unsigned size) { CHECK(h); snprintf(out, size, "96.00.89.00.01"); return OK; }
int nvmlDeviceGetPciInfo_v3(void *h, void *out) {
    CHECK(h); char *info = out; memset(info, 0, 16 + 5 * 4 + 32);
    snprintf(info + 16 + 5 * 4, 32, "00000000:%02X:00.0", 0x17 + at(h)); return OK;
}
int nvmlDeviceGetPowerManagementLimitConstraints(void *h, unsigned *low, unsigned *high) {
    CHECK(h); if (VALUE("limit max") == NO) return NOT_SUPPORTED; *low = 200000; *high = (unsigned)VALUE("limit max"); return OK;
}
int nvmlDeviceGetEccMode(void *h, unsigned *now, unsigned *pending) {
    CHECK(h); if (VALUE("ecc") == NO) return NOT_SUPPORTED; *now = *pending = (unsigned)VALUE("ecc"); return OK;
}
int nvmlDeviceGetUtilizationRates(void *h, unsigned *out) {
    CHECK(h); if (VALUE("use") == NO) return NOT_SUPPORTED; out[0] = (unsigned)VALUE("use"); out[1] = (unsigned)VALUE("memory use"); return OK;
}
int nvmlDeviceGetMemoryInfo(void *h, unsigned long long *out) {
    CHECK(h); if (VALUE("total") == NO) return NOT_SUPPORTED;
    out[0] = (unsigned long long)VALUE("total"); out[2] = (unsigned long long)VALUE("used"); out[1] = out[0] - out[2]; return OK;
}
int nvmlDeviceGetRemappedRows(void *h, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    CHECK(h); if (VALUE("rows") == NO) return NOT_SUPPORTED; *a = (unsigned)VALUE("rows"); *b = 1; *c = 1; *d = 0; return OK;
}
int nvmlDeviceGetTotalEccErrors(void *h, unsigned kind, unsigned counter, unsigned long long *out) {
    CHECK(h); if (VALUE("ecc") == NO) return NOT_SUPPORTED; *out = kind * 10 + counter; return OK;
}
int nvmlDeviceGetRetiredPages(void *h, unsigned cause, unsigned *count, unsigned long long *out) {
    CHECK(h); (void)cause; long long pages = VALUE("pages");
    if (pages == NO) return NOT_SUPPORTED;
    if (!out) { *count = (unsigned)pages; return pages ? SMALL : OK; }
    for (int i = 0; i < pages; i++) out[i] = 0;
    *count = (unsigned)pages; return OK;
}
int nvmlDeviceGetNvLinkState(void *h, unsigned link, unsigned *out) {
    CHECK(h); if (VALUE("links") == NO) return NOT_SUPPORTED; if (link >= VALUE("links")) return BAD_ARGUMENT; *out = link != 0; return OK;
}
int nvmlDeviceGetNvLinkErrorCounter(void *h, unsigned link, unsigned kind, unsigned long long *out) {
    CHECK(h); *out = link + kind; return OK;
}
int nvmlDeviceGetFieldValues(void *h, int count, unsigned char *out) {
    /* fieldId, scopeId, timestamp, latency, valueType, nvmlReturn, value: 40 bytes each */
    CHECK(h); (void)count; long long v = VALUE("memory temperature");
    unsigned code = v == NO ? NOT_SUPPORTED : OK, type = 1; unsigned value = (unsigned)v;
    memcpy(out + 24, &type, 4); memcpy(out + 28, &code, 4); memcpy(out + 32, &value, 4); return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *h, unsigned *count, unsigned char *out) {
    CHECK(h); long long number = VALUE("processes");
    if (number == NO || number == 0) { *count = 0; return OK; }
    if (!out) { *count = (unsigned)number; return SMALL; }
    for (int i = 0; i < number; i++) {
        unsigned pid = 4000u + (unsigned)i; unsigned long long used = i ? 2000000000ull : ~0ull;
        memset(out + 24 * i, 0, 24); memcpy(out + 24 * i, &pid, 4); memcpy(out + 24 * i + 8, &used, 8);
    }
    *count = (unsigned)number; return OK;
}
int nvmlEventSetCreate(void **out) { *out = events; return OK; }
int nvmlDeviceRegisterEvents(void *h, unsigned long long types, void *set) { CHECK(h); (void)types; (void)set; return OK; }
int nvmlEventSetWait_v2(void *set, event *out, unsigned ms) {
    (void)set; (void)ms; if (!event_count) return TIMEOUT;
    *out = events[0]; memmove(events, events + 1, sizeof *events * (size_t)--event_count); return OK;
}
const char *nvmlErrorString(int code) { (void)code; return "stand-in"; }

ONE(DeviceGetComputeMode, unsigned, "mode")
ONE(DeviceGetPowerManagementDefaultLimit, unsigned, "limit default")
ONE(DeviceGetEnforcedPowerLimit, unsigned, "limit")
ONE(DeviceGetPowerUsage, unsigned, "power")
ONE(DeviceGetTotalEnergyConsumption, unsigned long long, "energy")
ONE(DeviceGetFanSpeed, unsigned, "fan")
ONE(DeviceGetPerformanceState, unsigned, "pstate")
ONE(DeviceGetCurrentClocksThrottleReasons, unsigned long long, "reasons")
ONE(DeviceGetMaxPcieLinkGeneration, unsigned, "gen max")
ONE(DeviceGetMaxPcieLinkWidth, unsigned, "width max")
ONE(DeviceGetCurrPcieLinkGeneration, unsigned, "gen")
ONE(DeviceGetCurrPcieLinkWidth, unsigned, "width")
ONE(DeviceGetPcieReplayCounter, unsigned, "replays")
KEYED(DeviceGetTemperature, unsigned, "temperature ")
KEYED(DeviceGetTemperatureThreshold, unsigned, "threshold ")
KEYED(DeviceGetMaxClockInfo, unsigned, "clock max ")
KEYED(DeviceGetClockInfo, unsigned, "clock ")
KEYED(DeviceGetPcieThroughput, unsigned, "pcie ")
