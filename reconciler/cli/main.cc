#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "reconciler/cli/adopt.h"
#include "reconciler/cli/verbs.h"

namespace {

using fairlead::cli::AdoptOptions;
using fairlead::cli::ApplyOptions;
using fairlead::cli::Common;

// No core dump and no debugger of another user may show secrets.
void harden() {
  prctl(PR_SET_DUMPABLE, 0);
  // Every file and folder is made with the mode that it is to have. What is put up for a CA, by us
  // or by lego, must be readable for nginx's workers.
  umask(022);
  // Two arenas are enough for a few threads and keep the resident size small.
  mallopt(M_ARENA_MAX, 2);
  // A list of all containers is large and short-lived: fixed thresholds, which glibc would raise
  // after the first one, give its memory back each time.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

// Which calls the verb. CLI11 gives each mistake a code of its own; programs of this kind answer a
// wrong call with 1.
bool parse(CLI::App& cli, int argc, char** argv) {
  try {
    cli.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0;
  }
}

int dispatch(int argc, char** argv) {
  CLI::App cli{
      "fairlead keeps a Docker host in the state that a folder of YAML manifests describes."};
  cli.require_subcommand(1);
  Common common;
  ApplyOptions apply;
  AdoptOptions adopt;
  std::string output = "table";
  std::string word;
  int code = 0;
  cli.add_option("--config", common.config, "the platform file")->capture_default_str();
  cli.add_option("-o,--output", output, "table for people, json for programs")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  cli.fallthrough();
  const auto verb = [&](const char* name, const char* help, auto action) {
    CLI::App* sub = cli.add_subcommand(name, help);
    sub->callback([&, action] {
      common.json = output == "json";
      code = action();
    });
    return sub;
  };
  verb("run", "the daemon: converge, and keep converged",
       [&] { return fairlead::cli::run(common); });
  CLI::App* once = verb("apply", "converge once, then exit",
                        [&] { return fairlead::cli::apply(common, apply); });
  once->add_flag("--approve", apply.approve, "remove also what the prune fuse holds back");
  once->add_option("--timeout", apply.timeout_seconds, "seconds to wait for all to be well")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  verb("plan", "show what would be done, and do nothing (exit 0: nothing, 2: changes, 1: error)",
       [&] { return fairlead::cli::plan(common); });
  verb("validate", "check manifests (exit 0 or 1)",
       [&] { return fairlead::cli::validate(common, word); })
      ->add_option("path", word, "a manifest, or a folder of them")
      ->required();
  verb("status", "what is, and whether it is as wanted",
       [&] { return fairlead::cli::ask(common, "status", ""); });
  const auto ask_of_app = [&](const char* name, const char* help) {
    verb(name, help, [&, name] { return fairlead::cli::ask(common, name, word); })
        ->add_option("app", word)
        ->required();
  };
  verb("explain", "why something was done to an app or a route, or why nothing happens",
       [&] { return fairlead::cli::ask(common, "explain", word); })
      ->add_option("app", word, "an app, or a host name")
      ->required();
  verb("routes", "every way from outside: host names, published ports, where they lead",
       [&] { return fairlead::cli::ask(common, "routes", ""); });
  ask_of_app("images", "the tags of an app's image: what runs, what is newer");
  verb("approve", "let the removals go on that the prune fuse holds back", [&] {
    return fairlead::cli::ask(common, "approve", word);
  })->add_option("token", word, "approve only the very set that `fairlead status` showed with it");
  ask_of_app("purge", "delete the data of an app that has no manifest any more");
  ask_of_app("retry", "try again what failed; APP.PROCESS: run a job once more, done or not");
  CLI::App* look = verb("adopt", "print the manifest to drop into the folder for an image",
                        [&] { return fairlead::cli::adopt(common, adopt); });
  look->add_option("image", adopt.image)->required();
  look->add_flag("--pull", adopt.pull, "fetch the image where this host does not have it");
  verb("reference", "print the manifest reference as Markdown",
       [] { return fairlead::cli::reference(); });
  verb("version", "print the version", [] {
    std::puts("fairlead " FAIRLEAD_VERSION);
    return 0;
  });
  return parse(cli, argc, argv) ? code : 1;
}

}  // namespace

int main(int argc, char** argv) {
  harden();
  try {
    return dispatch(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fairlead: %s\n", error.what());
    return 1;
  }
}
