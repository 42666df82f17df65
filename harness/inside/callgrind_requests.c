/* Switches callgrind on and off from within the process that it counts:
   from outside, callgrind_control takes half a second each time. */
#include <valgrind/callgrind.h>

/* 1 under valgrind, else 0. */
int nutsbench_is_counted(void) { return RUNNING_ON_VALGRIND; }

/* From here on all is simulated, which is slow, but nothing is counted yet. */
void nutsbench_begin(void) {
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_ZERO_STATS;
}

/* Counts, or stops counting. */
void nutsbench_toggle(void) { CALLGRIND_TOGGLE_COLLECT; }

/* Writes what was counted since the last time to a file of its own. */
void nutsbench_dump(void) { CALLGRIND_DUMP_STATS; }

void nutsbench_end(void) {
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_STOP_INSTRUMENTATION;
}
