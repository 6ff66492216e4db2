#include "tests/live/child.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace fairlead::testing {
namespace {

constexpr int not_started = 127;

int append_to(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// Between fork and exec: only what is safe after a fork.
[[noreturn]] void become(std::vector<char*>& words, int output, int errors, int network,
                         bool own_network) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (own_network && ::unshare(CLONE_NEWNET) != 0) ::_exit(not_started);
  if (network >= 0 && ::setns(network, CLONE_NEWNET) != 0) ::_exit(not_started);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execv(words[0], words.data());
  ::_exit(not_started);
}

}  // namespace

Child::Child(const std::vector<std::string>& words, const Setup& setup) {
  std::vector<char*> raw;
  for (const std::string& word : words) raw.push_back(const_cast<char*>(word.c_str()));
  raw.push_back(nullptr);
  const int output = append_to(setup.output);
  const int errors = append_to(setup.errors.empty() ? setup.output : setup.errors);
  int network = -1;
  if (setup.network_of != 0) {
    const std::string space = "/proc/" + std::to_string(setup.network_of) + "/ns/net";
    network = ::open(space.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE_MESSAGE(network >= 0, space);
  }
  pid_ = ::fork();
  if (pid_ == 0) become(raw, output, errors, network, setup.own_network);
  REQUIRE(pid_ > 0);
  for (const int fd : {output, errors, network}) {
    if (fd >= 0) ::close(fd);
  }
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), code_(std::exchange(other.code_, 0)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(code_, other.code_);
  return *this;
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::optional<int> Child::wait(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (pid_ > 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    if (std::chrono::steady_clock::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return code_;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace fairlead::testing
