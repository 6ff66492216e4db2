#include "reconciler/live/watcher.h"

#include <doctest/doctest.h>

#include <deque>
#include <fstream>
#include <future>
#include <thread>
#include <utility>
// Asio 1.74 uses std::exchange without including <utility> itself.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "reconciler/live/watch_set.h"
#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::TempFolder;
using State = FolderReading::State;
using Reading = std::shared_ptr<const FolderReading>;

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";

// A watcher with its loop. Polls so rarely that only inotify can have told what the tests wait for.
class Watching {
 public:
  explicit Watching(const std::string& manifests, const std::string& secrets = "",
                    milliseconds poll = std::chrono::hours(1))
      : Watching(FolderReader::Folders{manifests, secrets}, poll) {}
  explicit Watching(const FolderReader::Folders& folders,
                    milliseconds poll = std::chrono::hours(1)) {
    Watcher::Options options;
    options.folders = folders;
    options.poll_beside = poll;
    watcher_ = std::make_unique<Watcher>(
        io_, pool_, options, [this](Reading reading) { readings_.push_back(std::move(reading)); },
        [](const std::string&) {});
  }

  // The next reading, or null after `within`.
  Reading next(milliseconds within = milliseconds(3000)) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (readings_.empty())
      if (io_.run_one_until(until) == 0) return nullptr;
    Reading reading = std::move(readings_.front());
    readings_.pop_front();
    return reading;
  }
  // Readings until `files` are there: a burst may be seen in parts.
  bool settles_at(std::size_t files) {
    for (Reading reading = next(); reading; reading = next())
      if (reading->files.size() == files) return true;
    return false;
  }
  // Everything that is ready, in the order in which the loop takes it; waits for nothing.
  void poll() { io_.poll(); }
  CallPool& pool() { return pool_; }
  bool silent(milliseconds span = milliseconds(400)) { return next(span) == nullptr; }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  CallPool pool_{1};
  std::deque<Reading> readings_;
  std::unique_ptr<Watcher> watcher_;
};

std::string text_of(const Reading& reading, std::size_t file = 0) {
  return reading && reading->files.size() > file && reading->files[file].text
             ? *reading->files[file].text
             : "(none)";
}

TEST_CASE("the first reading comes at once and a written file within 250 ms") {
  TempFolder folder;
  folder.write("a.yml", "1");
  const auto start = std::chrono::steady_clock::now();
  Watching watching(folder.path());
  CHECK(text_of(watching.next()) == "1");
  CHECK(std::chrono::steady_clock::now() - start < milliseconds(90));
  const auto written = std::chrono::steady_clock::now();
  folder.write("a.yml", "2");
  CHECK(text_of(watching.next()) == "2");
  CHECK(std::chrono::steady_clock::now() - written < milliseconds(250));
}

TEST_CASE("nothing is told when nothing has changed") {
  TempFolder folder;
  folder.write("a.yml", "1");
  Watching watching(folder.path(), "", milliseconds(100));
  REQUIRE(watching.next());
  folder.write("a.yml", "1");
  folder.write("README.md", "x");
  CHECK(watching.silent());
}

TEST_CASE("git's own files and dot-files wake nobody") {
  TempFolder folder;
  folder.write("a.yml", "1");
  folder.write(".git/HEAD", kCommit);
  Watching watching(folder.path());
  REQUIRE(watching.next());
  folder.write(".git/index.lock", "x");
  folder.write(".git/objects/ab/cd", "x");
  folder.write(".a.yml.swp", "x");
  CHECK(watching.silent());
}

TEST_CASE("a commit that moves the branch is told without any file having changed") {
  TempFolder folder;
  folder.write("a.yml", "1");
  folder.write(".git/HEAD", "ref: refs/heads/main\n");
  folder.write(".git/refs/heads/main", std::string(40, 'a') + "\n");
  Watching watching(folder.path());
  CHECK(watching.next()->revision == std::string(40, 'a'));
  folder.write(".git/refs/heads/main.lock", kCommit + "\n");
  fs::rename(folder / ".git/refs/heads/main.lock", folder / ".git/refs/heads/main");
  const Reading reading = watching.next();
  REQUIRE(reading);
  CHECK(reading->revision == kCommit);
}

TEST_CASE("an editor that writes beside and renames is seen") {
  TempFolder folder;
  folder.write("a.yml", "1");
  Watching watching(folder.path());
  REQUIRE(watching.next());
  folder.write(".a.yml.tmp", "2");
  fs::rename(folder / ".a.yml.tmp", folder / "a.yml");
  CHECK(text_of(watching.next()) == "2");
  fs::remove(folder / "a.yml");
  CHECK(watching.settles_at(0));
}

TEST_CASE(
    "folders that appear, move in, move away and vanish are seen, and so is what is in them") {
  TempFolder folder;
  fs::create_directories(folder / "root");
  folder.write("aside/deep/b.yml", "b");
  Watching watching(folder / "root");
  REQUIRE(watching.next());
  folder.write("root/new/deep/a.yml", "a");
  CHECK(watching.settles_at(1));
  folder.write("root/new/deep/c.yml", "c");
  CHECK(watching.settles_at(2));
  fs::rename(folder / "aside", folder / "root/in");
  CHECK(watching.settles_at(3));
  folder.write("root/in/deep/d.yml", "d");
  CHECK(watching.settles_at(4));
  fs::rename(folder / "root/in", folder / "aside");
  CHECK(watching.settles_at(2));
  folder.write("aside/deep/e.yml", "e");
  CHECK(watching.silent());
  fs::remove_all(folder / "root/new");
  CHECK(watching.settles_at(0));
}

TEST_CASE("a root that is missing at the start, appears, vanishes and appears again is seen") {
  TempFolder folder;
  Watching watching(folder / "some/where/manifests");
  CHECK(watching.next()->state == State::missing);
  folder.write("some/where/manifests/a.yml", "1");
  CHECK(watching.settles_at(1));
  fs::rename(folder / "some", folder / "gone");
  CHECK(watching.next()->state == State::missing);
  fs::rename(folder / "gone", folder / "some");
  CHECK(text_of(watching.next()) == "1");
  fs::remove_all(folder / "some");
  Reading reading = watching.next();
  while (reading && reading->state == State::ok) reading = watching.next();
  REQUIRE(reading);
  CHECK(reading->state == State::missing);
}

TEST_CASE("a link that is re-pointed is seen, at the root and above it") {
  TempFolder folder;
  folder.write("v1/apps/a.yml", "1");
  folder.write("v2/apps/a.yml", "2");
  folder.link("v1", "current");
  Watching root(folder / "current");
  Watching above(folder / "current/apps");
  CHECK(text_of(root.next()) == "1");
  CHECK(text_of(above.next()) == "1");
  folder.flip("v2", "current");
  CHECK(text_of(root.next()) == "2");
  CHECK(text_of(above.next()) == "2");
  folder.flip("v1", "current");
  CHECK(text_of(above.next()) == "1");
  folder.write("v1/apps/a.yml", "3");
  CHECK(text_of(above.next()) == "3");
  folder.write("v2/apps/a.yml", "4");
  CHECK(above.silent());
}

TEST_CASE("a link flipped inside a hidden folder is seen through the files that lead there") {
  TempFolder folder;
  folder.write("..1/a.yml", "1");
  folder.write("..2/a.yml", "2");
  folder.link("..1", "..data");
  folder.link("..data/a.yml", "a.yml");
  Watching watching(folder.path());
  CHECK(text_of(watching.next()) == "1");
  folder.flip("..2", "..data");
  CHECK(text_of(watching.next()) == "2");
  folder.write("..2/a.yml", "3");
  CHECK(text_of(watching.next()) == "3");
}

struct Endless {
  std::chrono::steady_clock::duration longest_pause{0};  // between two writes
  std::chrono::steady_clock::duration read_after{0};
};

// Writes on and on until there is a reading.
Endless read_endless(const TempFolder& folder, Watching& watching) {
  Endless seen;
  std::atomic<bool> end{false};
  const auto start = std::chrono::steady_clock::now();
  std::thread writer([&] {
    auto last = start;
    for (static int i = 1; !end; ++i) {  // what was read once more is no news
      folder.write("a.yml", std::to_string(i));
      const auto now = std::chrono::steady_clock::now();
      seen.longest_pause = std::max(seen.longest_pause, now - std::exchange(last, now));
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  const Reading reading = watching.next();
  seen.read_after = std::chrono::steady_clock::now() - start;
  end = true;
  writer.join();
  REQUIRE(reading);
  while (watching.next(milliseconds(400))) continue;
  return seen;
}

TEST_CASE("a burst is read once it has settled, and an endless one after a second") {
  TempFolder folder;
  folder.write("a.yml", "0");
  Watching watching(folder.path());
  REQUIRE(watching.next());
  for (int i = 0; i < 50; ++i) folder.write("f" + std::to_string(i) + ".yml", "x");
  Reading reading = watching.next();
  REQUIRE(reading);
  CHECK(reading->files.size() == 51);

  // A writer that the machine held up for long has let it settle: that says nothing.
  Endless endless;
  for (int tried = 0; tried < 40; ++tried) {
    endless = read_endless(folder, watching);
    if (endless.longest_pause < milliseconds(80)) break;
  }
  REQUIRE(endless.longest_pause < milliseconds(80));
  CHECK(endless.read_after > milliseconds(800));
  CHECK(endless.read_after < milliseconds(1400));
}

// The loop was held up: the timer's end and the next change are found together, and the change,
// taken first, sets the timer anew.
TEST_CASE("a change that comes as a burst settles starts no second reading beside the first") {
  TempFolder folder;
  Watching watching(folder.path());
  REQUIRE(watching.next());
  watching.poll();
  std::promise<void> gate;  // what is read meanwhile is not read before it opens
  watching.pool().submit([&gate] { gate.get_future().wait(); });
  folder.write("a.yml", "1");
  watching.poll();
  std::this_thread::sleep_for(milliseconds(200));
  folder.write("b.yml", "2");
  watching.poll();
  std::this_thread::sleep_for(milliseconds(200));
  watching.poll();
  gate.set_value();
  CHECK(watching.settles_at(2));
  CHECK(watching.silent());
}

TEST_CASE("secret files are watched too, also where their folder comes later") {
  TempFolder folder;
  folder.write("m/a.yml", "1");
  Watching watching(folder / "m", folder / "s");
  CHECK(watching.next()->secrets.empty());
  folder.write("s/key", "one");
  Reading reading = watching.next();
  REQUIRE(reading);
  REQUIRE(reading->secrets.count("key") == 1);
  folder.write("s/key", "two");
  reading = watching.next();
  REQUIRE(reading);
  CHECK(reading->secrets.at("key").reveal() == "two");
}

TEST_CASE("certificates are watched, through links too, also where their folder comes later") {
  TempFolder folder;
  folder.write("m/a.yml", "1");
  folder.write("archive/1.pem", "one");
  folder.write("archive/2.pem", "two");
  folder.link("archive/1.pem", "current");
  Watching watching({folder / "m", "", folder / "own", folder / "got/certificates"});
  CHECK(watching.next()->certificates.empty());
  fs::create_directories(folder / "own");
  folder.link(folder / "current", "own/a.crt");
  Reading reading = watching.next();
  REQUIRE(reading);
  REQUIRE(reading->certificates.count("a.crt") == 1);
  CHECK(reading->certificates.at("a.crt").reveal() == "one");
  folder.flip("archive/2.pem", "current");  // as certbot renews
  reading = watching.next();
  REQUIRE(reading);
  CHECK(reading->certificates.at("a.crt").reveal() == "two");
  folder.write("got/certificates/b.crt", "new");
  reading = watching.next();
  REQUIRE(reading);
  CHECK(reading->certificates.count("acme/b.crt") == 1);
}

TEST_CASE("a queue that overflows is an order to read again") {
  TempFolder folder;
  folder.write("a.yml", "1");
  WatchSet watches;
  watches.begin();
  watches.add_folder(folder.path());
  watches.commit();
  // Two names in turn, because equal events in a row are merged.
  std::ofstream one(folder / ".one");
  std::ofstream two(folder / ".two");
  for (int i = 0; i < 20'000; ++i) {
    (one << 'x').flush();
    (two << 'x').flush();
  }
  CHECK(watches.drain());
  (one << 'x').flush();
  CHECK_FALSE(watches.drain());
}

TEST_CASE("what inotify does not tell is found by the poll") {
  TempFolder folder;
  folder.write("store/a.yml", "1");
  fs::create_directories(folder / "root");
  fs::create_hard_link(folder / "store/a.yml", folder / "root/a.yml");
  Watching watching(folder / "root", "", milliseconds(200));
  CHECK(text_of(watching.next()) == "1");
  folder.write("store/a.yml", "2");  // told for the other name only
  CHECK(text_of(watching.next()) == "2");
}

}  // namespace
}  // namespace fairlead::live
