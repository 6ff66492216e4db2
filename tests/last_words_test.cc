#include "reconciler/live/last_words.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "reconciler/live/call_pool.h"
#include "reconciler/quarantine.h"
#include "tests/temp_folder.h"

using namespace fairlead;
using namespace fairlead::live;
using fairlead::testing::TempFolder;

namespace {

const Suspect suspect{"blog", "0123456789abcdef"};

int deeper(int depth) {
  const volatile int end = -1;
  if (depth == end) return 0;
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return deeper(depth + 1) + room[0];
}

// What a process leaves behind in the folder that does so on a thread of a pool, and the signal
// that it ended with.
struct Left {
  int signal = 0;
  std::string text;
};
Left left_by(const std::function<void()>& act, bool blamed = true) {
  const TempFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (!keep_last_words(folder.path())) ::_exit(1);
    CallPool pool;
    pool.submit([&] {
      const Blame blame(blamed ? suspect : Suspect{});
      act();
    });
    ::sleep(20);
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFSIGNALED(status) ? WTERMSIG(status) : 0, folder.read("blog.json")};
}

}  // namespace

TEST_CASE("a fault of its own leaves behind whom the process worked for") {
  const std::string line = suspect.version + "\n";
  const Left abort = left_by([] { std::abort(); });
  CHECK(abort.signal == SIGABRT);
  CHECK(abort.text == line);
  const Left exception = left_by([] { throw std::runtime_error("nobody takes it"); });
  CHECK(exception.signal == SIGABRT);
  CHECK(exception.text == line);
  const Left access = left_by([] { *static_cast<volatile int*>(nullptr) = 1; });
  CHECK(access.signal == SIGSEGV);
  CHECK(access.text == line);
  const Left full = left_by([] { std::exit(deeper(0)); });
  CHECK(full.signal == SIGSEGV);
  CHECK(full.text == line);
}

// As with the unit's LimitDATA. ThreadSanitizer's own memory would be what is lacking.
#ifndef __SANITIZE_THREAD__
TEST_CASE("so does memory that is used up") {
  const Left memory = left_by([] {
    const rlimit some{64u << 20, 64u << 20};
    ::setrlimit(RLIMIT_DATA, &some);
    std::string all(1, 'x');
    while (true) all += all;
  });
  CHECK(memory.signal == SIGABRT);
  CHECK(memory.text == suspect.version + "\n");
}
#endif

TEST_CASE("a second end adds a line") {
  const TempFolder folder;
  for (int i = 0; i < 2; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!keep_last_words(folder.path())) ::_exit(1);
      const SpareStack spare;
      const Blame blame(suspect);
      std::abort();
    }
    ::waitpid(child, nullptr, 0);
  }
  CHECK(folder.read("blog.json") == suspect.version + "\n" + suspect.version + "\n");
}

TEST_CASE("who is ended by others, or works for nobody, leaves no word") {
  for (const int signal : {SIGKILL, SIGTERM, SIGSEGV, SIGABRT}) {
    CAPTURE(signal);
    const TempFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
      if (!keep_last_words(folder.path())) ::_exit(1);
      const Blame blame(suspect);
      ::signal(SIGTERM, SIG_DFL);  // doctest has one of its own
      for (;;) ::pause();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(child, signal);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WTERMSIG(status) == signal);
    CHECK(folder.read("blog.json").empty());
  }
  const Left nobody = left_by([] { std::abort(); }, false);
  CHECK(nobody.signal == SIGABRT);
  CHECK(nobody.text.empty());
}

TEST_CASE("a folder that cannot be made is an error") {
  const Result<void> kept = keep_last_words("/proc/deaths");
  REQUIRE_FALSE(kept);
  CHECK(kept.error().code == Code::unavailable);
}
