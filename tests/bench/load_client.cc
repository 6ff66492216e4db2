// Asks an edge at 127.0.0.1 until SIGTERM, then prints what came back, as JSON.
//
//   bench_load_client PORT HOST RATE [CONNECTIONS [tls] [keep]]
//     RATE: requests a second of all connections together; 0: each asks again when it is answered.
//     tls: over TLS. keep: connections are kept, and a request that meets one which was closed is
//     sent once more, as browsers do; else each request has a connection of its own.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/live/load.h"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_load_client PORT HOST RATE [CONNECTIONS [tls] [keep]]\n");
    return 2;
  }
  // Before any thread begins: they inherit it.
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  fairlead::testing::Load::Options options;
  options.keep_alive = false;
  options.request.port = std::atoi(argv[1]);
  options.request.host = argv[2];
  options.per_second = std::atof(argv[3]);
  if (argc > 4) options.connections = std::atoi(argv[4]);
  for (int i = 5; i < argc; ++i) {
    if (std::strcmp(argv[i], "tls") == 0) options.request.tls = true;
    if (std::strcmp(argv[i], "keep") == 0) options.keep_alive = options.retry = true;
  }
  fairlead::testing::Load load(options);
  int signal = 0;
  ::sigwait(&ends, &signal);
  std::printf("%s\n", load.stop().json().dump().c_str());
  return 0;
}
