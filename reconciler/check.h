#pragma once

#include <cstdio>
#include <cstdlib>

// An always-on assertion for programmer errors; never for what the outside said. It ends the
// process: acting on a broken invariant could delete what is not ours, and the next start recovers
// from any instant.
#define FAIRLEAD_CHECK(condition)                                                            \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
