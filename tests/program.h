#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/temp_folder.h"

// A program that a test of the live parts runs; it is killed with its Program, and with us. The
// first word is found by PATH; what it says goes to the end of the file `output`.
namespace fairlead::testing {

class Program {
 public:
  Program(const std::vector<std::string>& words, const std::string& output) {
    std::vector<char*> raw;
    for (const std::string& word : words) raw.push_back(const_cast<char*>(word.c_str()));
    raw.push_back(nullptr);
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_ = ::fork();
    if (pid_ == 0) become(raw, file);
    ::close(file);
  }
  ~Program() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);  // 0 would be all of us
    wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Its exit code; -1 where a signal ended it.
  int wait() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(std::exchange(pid_, 0), &status, 0) > 0) code_ = status;
    return WIFEXITED(code_) ? WEXITSTATUS(code_) : -1;
  }

 private:
  // Between fork and exec: only what is safe after a fork.
  [[noreturn]] static void become(std::vector<char*>& words, int output) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(words[0], words.data());
    ::_exit(127);
  }

  pid_t pid_ = 0;  // 0: it has ended and was waited for
  int code_ = -1;
};

// A certificate authority in a folder: NAME.pem, and with issue() more, each with its NAME.key.
class Authority {
 public:
  Authority(const TempFolder& folder, std::string name) : folder_(folder), name_(std::move(name)) {
    request(name_, {"-subj", "/CN=" + name_});
  }

  // For the host `host`, by name or by address ("DNS:localhost", "IP:127.0.0.1").
  void issue(const std::string& name, const std::string& host) const {
    request(name, {"-subj", "/CN=" + name, "-addext", "subjectAltName=" + host, "-CA", file(),
                   "-CAkey", folder_ / (name_ + ".key")});
  }
  std::string file() const { return folder_ / (name_ + ".pem"); }

 private:
  void request(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"/usr/bin/openssl",
                                      "req",
                                      "-x509",
                                      "-newkey",
                                      "ec",
                                      "-noenc",
                                      "-keyout",
                                      folder_ / (name + ".key"),
                                      "-pkeyopt",
                                      "ec_paramgen_curve:prime256v1",
                                      "-out",
                                      folder_ / (name + ".pem")};
    words.insert(words.end(), more.begin(), more.end());
    Program(words, folder_ / "openssl.log").wait();
  }

  const TempFolder& folder_;
  const std::string name_;
};

}  // namespace fairlead::testing
