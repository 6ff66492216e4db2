#pragma once

#include <string>

// The verbs of the command line, one function and one file each. Each returns the exit code of the
// program. Used from main() only.
namespace fairlead::cli {

struct Common {
  std::string config = "/etc/fairlead/fairlead.yml";
  bool json = false;  // --output json
};

struct ApplyOptions {
  bool approve = false;  // removals beyond the fuse too
  int timeout_seconds = 300;
};

int run(const Common& common);                                 // the daemon; 0 after SIGTERM
int apply(const Common& common, const ApplyOptions& options);  // 0 only when all is well
int plan(const Common& common);  // 0: nothing to do, 2: changes, 1: an error
int validate(const Common& common, const std::string& path);  // 0 or 1
int reference();                                              // prints the manifest reference
// Asks the daemon: status, explain, routes, images, approve, purge, retry. `word` is the value of
// the verb's one argument, may be empty.
int ask(const Common& common, const std::string& verb, const std::string& word);

}  // namespace fairlead::cli
