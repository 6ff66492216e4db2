#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/live/file_io.h"

// A shell that is kept in a container over one exec of the engine and runs programs one after
// another: to start one costs a fork there, not an exec of the engine, whose runtime takes a tenth
// of a second for it. Words go to it as lines, and it never reads one as a command of its own
// language. For one thread at a time. It ends with this object: the engine closes what it reads
// from.
namespace fairlead::live {

class ContainerShell {
 public:
  // What an exec is made of; its standard input must be attached, and it must have no terminal.
  static std::vector<std::string> command();

  // Starts that exec of the engine that listens on this Unix socket. Errors: unavailable (no
  // connection, or the engine refuses).
  static Result<ContainerShell> start(const std::string& socket, const std::string& exec,
                                      std::chrono::steady_clock::time_point deadline);

  struct Ended {
    int code = 0;
    std::string output;  // both streams
  };
  // Runs a program to its end, with nothing to read; no word may hold a line's end. Nothing where
  // the shell ended first (it has none, or its container stopped), at the deadline, and when `stop`
  // becomes readable: then it is of no use any more.
  std::optional<Ended> run(const std::vector<std::string>& words,
                           std::chrono::steady_clock::time_point deadline, int stop);
  bool ended() const;  // its container stopped, say

 private:
  ContainerShell(UniqueFd socket, std::string mark)
      : socket_(std::move(socket)), mark_(std::move(mark)) {}

  Result<void> begin(const std::string& exec, std::chrono::steady_clock::time_point deadline);
  bool send(const std::string& text);
  bool receive(std::chrono::steady_clock::time_point deadline, int stop);
  void take_frames();
  std::optional<Ended> end_of_program();

  UniqueFd socket_;
  std::string mark_;      // begins the line that tells a program's end: nobody else knows it
  std::string received_;  // frames of the engine
  std::string output_;
};

}  // namespace fairlead::live
