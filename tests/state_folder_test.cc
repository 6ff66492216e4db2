#include "reconciler/live/state_folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

TEST_CASE("the state folder keeps its identity and lets in one instance at a time") {
  TempFolder folder;
  const std::string path = folder / "lib/fairlead";
  std::string installation;
  Secret key;
  {
    auto state = StateFolder::open(path, StateFolder::Mode::own);
    REQUIRE(state.ok());
    installation = state->installation();
    key = state->key();
    CHECK(installation.size() == 16);
    CHECK(key.reveal().size() == 32);
    const auto second = StateFolder::open(path, StateFolder::Mode::own);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Code::conflict);
    CHECK(second.error().message == "another fairlead (pid " + std::to_string(::getpid()) +
                                        ") works with " + path +
                                        "; stop it first, or give this one another folders.state");
    CHECK(StateFolder::open(path, StateFolder::Mode::look)->installation() == installation);
  }
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  REQUIRE(StateFolder::open(path, StateFolder::Mode::own)->let_through().ok());
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0711);
  folder.write("lib/fairlead/manifests/b.json", "B");
  folder.write("lib/fairlead/manifests/a.json", "A");
  folder.write("lib/fairlead/manifests/.new-c.json", "C");
  const auto again = StateFolder::open(path, StateFolder::Mode::own);
  REQUIRE(again.ok());
  CHECK(again->installation() == installation);
  CHECK(again->key() == key);
  const auto copies = again->last_good();
  REQUIRE(copies.size() == 2);
  CHECK(copies[0].name + copies[0].text + copies[1].name + copies[1].text == "aAbB");
  folder.write("lib/fairlead/updates/a.json", "chosen");
  const auto choices = again->choices();
  REQUIRE(choices.size() == 1);
  CHECK(choices[0].name + choices[0].text == "achosen");
  folder.write("lib/fairlead/images/b.json", "read");
  const auto images = again->images();
  REQUIRE(images.size() == 1);
  CHECK(images[0].name + images[0].text == "bread");
  folder.write("lib/fairlead/local/b.json", "stands for");
  REQUIRE(again->local().size() == 1);
  // What is there and cannot be read is not taken for what never was.
  fs::create_directories(folder / "lib/fairlead/trials/c.json");
  folder.write("lib/fairlead/trials/b.json", "came of it");
  const auto trials = again->trials();
  REQUIRE(trials.size() == 2);
  CHECK(trials[0].text + trials[1].name + trials[1].text == "came of itc");
}

TEST_CASE(
    "a key that others can read, or that is damaged or gone, is refused, and a look writes "
    "nothing") {
  TempFolder folder;
  REQUIRE(StateFolder::open(folder / "new", StateFolder::Mode::look).ok());
  CHECK_FALSE(fs::exists(folder / "new"));
  REQUIRE(StateFolder::open(folder / "state", StateFolder::Mode::own).ok());
  const std::string key = folder / "state/key";
  REQUIRE(::chmod(key.c_str(), 0640) == 0);
  const auto readable = StateFolder::open(folder / "state", StateFolder::Mode::own);
  REQUIRE_FALSE(readable.ok());
  CHECK(readable.error().code == Code::denied);
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  const std::string installation =
      StateFolder::open(folder / "state", StateFolder::Mode::own)->installation();
  fs::remove(folder / "state/installation");
  CHECK(StateFolder::open(folder / "state", StateFolder::Mode::own)->installation() ==
        installation);
  fs::resize_file(key, 31);
  CHECK(StateFolder::open(folder / "state", StateFolder::Mode::own).error().code == Code::invalid);
  fs::remove(key);
  CHECK(StateFolder::open(folder / "state", StateFolder::Mode::own).error().code == Code::invalid);
  CHECK_FALSE(fs::exists(key));
}

}  // namespace
}  // namespace fairlead::live
