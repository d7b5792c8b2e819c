/* A stand-in for NVIDIA's library, to go the whole way through ctypes: as many devices as one says, each
 * reading settable, each function able to fail with any of NVML's codes. It lacks functions that old drivers
 * lack, such as nvmlDeviceGetCurrentClocksEventReasons; compiled with OLD it lacks what came with MIG as well. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, BAD_ARGUMENT = 2, NOT_SUPPORTED = 3, SMALL = 7, TIMEOUT = 10, NOT_FOUND = 6, MOST = 4096, WHOLE = 16, SLOTS = 8,
       DEVICES = WHOLE + WHOLE * SLOTS };
typedef struct { int device; char key[64]; long long value; } entry;
typedef struct { void *device; unsigned long long type, data; unsigned gpu, compute; } event;

static entry values[MOST], failures[MOST];
static int value_count, failure_count, device_count, hang_ms, opened;
static char handles[DEVICES];
static event events[1024];
static int event_count, sets_open, samples_open;
static unsigned long long registered[DEVICES];

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

void fake_reset(int count) {
    sets_open = samples_open = 0; memset(registered, 0, sizeof registered);
    value_count = failure_count = event_count = hang_ms = opened = 0; device_count = count; }
void fake_set(int device, const char *key, long long value) { put(values, &value_count, device, key, value); }
void fake_fail(int device, const char *function, int code) { put(failures, &failure_count, device, function, code); }
void fake_hang(int ms) { hang_ms = ms; }
void fake_event(int device, long long type, long long data) {
    event e = {&handles[device], (unsigned long long)type, (unsigned long long)data, 0, 0};
    if (registered[device] & e.type && event_count < 1024) events[event_count++] = e;
}
int fake_sets(void) { return sets_open; }
int fake_samples(void) { return samples_open; }
int fake_opened(void) { return opened; }

/* A process that is measured is driven from outside: readings are in a file, and while another is there it hangs. */
static char hang_file[512];
__attribute__((constructor)) static void from_folder(void) {
    const char *folder = getenv("FAKE_NVML_FOLDER");
    if (!folder) return;
    char path[512], key[64]; int device; long long value;
    snprintf(path, sizeof path, "%s/readings", folder); snprintf(hang_file, sizeof hang_file, "%s/hang", folder);
    FILE *file = fopen(path, "r");
    if (!file) return;
    while (fscanf(file, "%d;%lld;%63[^\n]", &device, &value, key) == 3) {
        fake_set(device, key, value);
        if (device >= device_count) device_count = device + 1;
    }
    fclose(file);
}

static int at(void *handle) { return (int)((char *)handle - handles); }
static int fail(void *handle, const char *function) {
    if (hang_ms) usleep(hang_ms * 1000);
    while (*hang_file && !access(hang_file, F_OK)) usleep(50000);
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
    CHECK(h);
    if (at(h) >= WHOLE) {
        unsigned parent = (unsigned)(at(h) - WHOLE) / SLOTS, slot = (unsigned)(at(h) - WHOLE) % SLOTS;
        if (VALUE("old name") != NO) snprintf(out, size, "MIG-GPU-%08x-5566-7788-99aa-bbccddeeff00/%u/0", 0x1a2b3c00 + parent, slot + 1);
        else snprintf(out, size, "MIG-%08x-5566-7788-99aa-bbccddeeff00", (unsigned)VALUE("made") + slot);
        return OK;
    }
    snprintf(out, size, "GPU-%08x-5566-7788-99aa-bbccddeeff00", 0x1a2b3c00 + at(h)); return OK;
}
int nvmlDeviceGetName(void *h, char *out, unsigned size) {
    CHECK(h); snprintf(out, size, VALUE("name") == NO ? "NVIDIA H100 80GB HBM3" : "\xff\xfe"); return OK;
}
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
int nvmlDeviceGetTotalEccErrors(void *h, unsigned kind, unsigned counter, unsigned long long *out) {
    CHECK(h); if (VALUE("ecc") == NO) return NOT_SUPPORTED; *out = kind * 10 + counter; return OK;
}
int nvmlDeviceGetRetiredPages(void *h, unsigned cause, unsigned *count, unsigned long long *out) {
    CHECK(h); (void)cause; long long pages = VALUE("pages");
    if (pages == NO) return NOT_SUPPORTED;
    if (!out) { *count = (unsigned)pages; return pages ? SMALL : OK; }
    if (pages < 0 || pages > *count) return SMALL;
    for (int i = 0; i < pages; i++) out[i] = 0;
    *count = (unsigned)pages; return OK;
}
int nvmlDeviceGetNvLinkState(void *h, unsigned link, unsigned *out) {
    CHECK(h); if (VALUE("links") == NO) return NOT_SUPPORTED; if (link >= VALUE("links")) return BAD_ARGUMENT; long long up = VALUE("links up");
    *out = up == NO ? link != 0 : link < up; return OK;
}
int nvmlDeviceGetNvLinkErrorCounter(void *h, unsigned link, unsigned kind, unsigned long long *out) {
    CHECK(h); if (VALUE("broken link") == (long long)link) return 999; /* unknown */
    *out = link + kind; return OK;
}
int nvmlDeviceGetFieldValues(void *h, int count, unsigned char *out) {
    /* fieldId, scopeId, timestamp, latency, valueType, nvmlReturn, value: 40 bytes each */
    CHECK(h); (void)count; long long v = VALUE("memory temperature");
    unsigned code = v == NO ? NOT_SUPPORTED : OK, type = 1; unsigned value = (unsigned)v;
    memcpy(out + 24, &type, 4); memcpy(out + 28, &code, 4); memcpy(out + 32, &value, 4); return OK;
}
static int processes(void *h, unsigned *count, unsigned char *out) {
    long long number = VALUE("processes");
    if (number == NO || number == 0) { *count = 0; return OK; }
    if (!out) { *count = (unsigned)number; return SMALL; }
    if (number < 0 || number > *count) return SMALL;
    if (VALUE("claimed") != NO) { *count = (unsigned)VALUE("claimed"); return OK; }
    for (int i = 0; i < number; i++) {
        unsigned pid = 4000u + (unsigned)i; unsigned long long used = i ? 2000000000ull : ~0ull;
        if (VALUE("pid") != NO) { pid = (unsigned)VALUE("pid") + (unsigned)i; used = 2000000000ull; }
        memset(out + 24 * i, 0, 24); memcpy(out + 24 * i, &pid, 4); memcpy(out + 24 * i + 8, &used, 8);
    }
    *count = (unsigned)number; return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v2(void *h, unsigned *count, unsigned char *out) { CHECK(h); return processes(h, count, out); }
#ifndef OLD
int nvmlDeviceGetComputeRunningProcesses_v3(void *h, unsigned *count, unsigned char *out) { CHECK(h); return processes(h, count, out); }
int nvmlDeviceGetRemappedRows(void *h, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    CHECK(h); if (VALUE("rows") == NO) return NOT_SUPPORTED; *a = (unsigned)VALUE("rows"); *b = 1; *c = 1; *d = 0; return OK;
}
int nvmlEventSetCreate(void **out) { CHECK(0); *out = events; sets_open++; return OK; }
int nvmlEventSetFree(void *set) { (void)set; sets_open--; memset(registered, 0, sizeof registered); return OK; }
int nvmlDeviceGetSupportedEventTypes(void *h, unsigned long long *out) {
    CHECK(h); long long v = VALUE("event types"); *out = v == NO ? 0xffff : (unsigned long long)v; return OK;
}
int nvmlDeviceRegisterEvents(void *h, unsigned long long types, void *set) {
    CHECK(h); (void)set; long long v = VALUE("event types");
    if (v != NO && types & ~(unsigned long long)v) return NOT_SUPPORTED;
    registered[at(h)] = types; return OK;
}
int nvmlEventSetWait_v2(void *set, event *out, unsigned ms) {
    int code = (int)get(failures, failure_count, -1, "EventSetWait_v2", OK);
    (void)set; (void)ms; if (!event_count) return code ? code : TIMEOUT;
    *out = events[0]; memmove(events, events + 1, sizeof *events * (size_t)--event_count); return OK;
}
static char *slot(void *h, unsigned number) { return &handles[WHOLE + at(h) * SLOTS + (int)number]; }
static long long of(char *h, const char *key) { return get(values, value_count, at(h), key, NO); }
int nvmlDeviceGetMigMode(void *h, unsigned *now, unsigned *pending) {
    CHECK(h); if (VALUE("mig") == NO) return NOT_SUPPORTED; *now = *pending = (unsigned)VALUE("mig"); return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(void *h, unsigned *out) {
    CHECK(h); long long v = VALUE("mig most"); *out = v == NO ? 7 : (unsigned)v; return OK;
}
int nvmlDeviceGetMigDeviceHandleByIndex(void *h, unsigned index, void **out) {
    CHECK(h); if (index >= SLOTS) return BAD_ARGUMENT;
    if (of(slot(h, index), "made") <= 0) return NOT_FOUND;
    *out = slot(h, index); return OK;
}
int nvmlDeviceGetGpuInstanceId(void *h, unsigned *out) {
    CHECK(h); if (at(h) < WHOLE) return BAD_ARGUMENT; *out = (unsigned)(at(h) - WHOLE) % SLOTS + 1; return OK;
}
/* A snapshot is a counter of busy hundredths; two of them make a share. */
typedef struct { unsigned id; int code; double value; void *info[3]; } metric;
typedef struct { unsigned version, count; long long *before, *after; metric metrics[1]; } question;
int nvmlGpmQueryDeviceSupport(void *h, unsigned *out) { CHECK(h); out[1] = VALUE("gpm") == 1; return OK; }
int nvmlGpmSampleAlloc(void **out) { *out = calloc(1, sizeof(long long)); samples_open++; return OK; }
int nvmlGpmSampleFree(void *sample) { free(sample); samples_open--; return OK; }
int nvmlGpmMigSampleGet(void *h, unsigned instance, long long *sample) {
    CHECK(h); *sample = of(slot(h, instance - 1), "busy"); return OK;
}
int nvmlGpmMetricsGet(question *q) {
    if (q->version != 1 || q->count != 1 || q->metrics[0].id != 1) return BAD_ARGUMENT;
    q->metrics[0].code = OK; q->metrics[0].value = (double)(*q->after - *q->before); return OK;
}
#endif
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
