#include "reconciler/live/last_words.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "reconciler/live/file_io.h"
#include "reconciler/quarantine.h"

namespace fairlead::live {
namespace {

constexpr std::size_t kSpareBytes = 32u << 10;
constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

// What the handler needs is made before: it may neither allocate nor run out of descriptors.
int folder_fd = -1;
int reserve_fd = -1;

void write_down(const Blame::Words& words) {
  char file[sizeof words.name + sizeof ".json"];
  const std::size_t length = ::strnlen(words.name, sizeof words.name);
  std::memcpy(file, words.name, length);
  std::memcpy(file + length, ".json", sizeof ".json");
  ::close(reserve_fd);
  const int fd =
      ::openat(folder_fd, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  const std::size_t size = ::strnlen(words.line, sizeof words.line);
  // Nothing can be done about a disk that is full.
  if (::write(fd, words.line, size) < 0) return;
  ::close(fd);
}

extern "C" void on_fault(int signal, siginfo_t* info, void*) {
  // Of a signal that was sent si_code is at most 0; abort() sends its own.
  const bool own = info->si_code > 0 || info->si_pid == ::getpid();
  const Blame::Words* words = Blame::of_this_thread();
  if (own && words != nullptr) write_down(*words);
  // Blocked until this returns; then it ends the process as it would have without us.
  ::raise(signal);
}

}  // namespace

Result<void> keep_last_words(const std::string& folder) {
  if (const int error = make_folders(folder, 0700); error != 0) {
    return Error{Code::unavailable, "cannot make " + folder + ": " + errno_text(error), ""};
  }
  folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  reserve_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (folder_fd < 0 || reserve_fd < 0) {
    return Error{Code::unavailable, "cannot open " + folder + ": " + errno_text(errno), ""};
  }
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int fault : kFaults) {
    if (::sigaction(fault, &action, nullptr) != 0)
      return Error{Code::unavailable, "sigaction: " + errno_text(errno), ""};
  }
  return {};
}

SpareStack::SpareStack() : memory_(new char[kSpareBytes]) {
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kSpareBytes;
  ::sigaltstack(&stack, nullptr);
}

SpareStack::~SpareStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace fairlead::live
