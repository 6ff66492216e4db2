#pragma once

#include <map>
#include <string>
#include <string_view>

// What ended the daemon is left out after the second time, so that everything else goes on. Whoever
// works for an app, or reads a manifest, says so before (Blame); if that work ends the process,
// live/last_words.h keeps the name, and the next start knows it (Quarantine). Values without I/O.
namespace fairlead {

// Whom work is for. Empty: nobody in particular.
struct Suspect {
  std::string name;     // of an app; or file_suspect()'s
  std::string version;  // of its manifest: another one is another try
};

// The version of a manifest for this build of fairlead: 16 hex digits.
std::string version_of(std::string_view text);
// The suspect that a manifest file is as it is read: no app is called so.
Suspect file_suspect(const std::string& path, std::string_view text);

// As long as it lives, what this thread does is done for the suspect; one inside another counts
// alone. Of a suspect without a name nothing is said.
class Blame {
 public:
  // As it is written: no allocation, no lock, so that a signal handler can read it.
  struct Words {
    char name[80];
    char line[32];  // the version and "\n"
  };

  explicit Blame(const Suspect& suspect);
  ~Blame();
  Blame(const Blame&) = delete;
  Blame& operator=(const Blame&) = delete;

  // Null: the thread works for nobody in particular. Async-signal-safe.
  static const Words* of_this_thread();

 private:
  Words words_;
  const Words* outer_;
};

class Quarantine {
 public:
  // So many deaths, and a suspect is left out.
  static constexpr int deaths_max = 2;

  // What an earlier run has kept of the name: a line for each death, its version.
  void restore(const std::string& name, const std::string& text);
  int deaths(const Suspect& suspect) const;
  bool holds(const Suspect& suspect) const { return deaths(suspect) >= deaths_max; }
  // Forgets all of the name; whether there was anything.
  bool release(const std::string& name) { return deaths_.erase(name) > 0; }

 private:
  std::map<std::string, std::map<std::string, int>> deaths_;  // name → version → deaths
};

}  // namespace fairlead
