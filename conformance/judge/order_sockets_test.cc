// Connecting, binding, signalling: which of the kernel's own errnos come before it asks Landlock, and which
// after. And that a client is of its server's own type where none is named.
#include <linux/fs.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/judge/order_testing.h"

namespace lockstep::conformance::judge::order {
namespace {

using enum Operation;
using enum Order;

constexpr int resolves = 9, scopes = 6, tcp = 4, udp = 10;
constexpr char by_path[] = "s", by_name[] = "@s";

// Every type but datagrams must listen.
template <const char* name, int type>
void server(Place& at) {
  at.serve(name, type, type == SOCK_DGRAM ? -1 : 4);
}
template <const char* name, int type>
void idle(Place& at) {
  at.serve(name, type, -1);
}
template <const char* name, int type>
void shut_down(Place& at) {
  Place::must(::shutdown(at.serve(name, type, type == SOCK_DGRAM ? -1 : 4), SHUT_RD) == 0);
}
// A server that is stopped: nobody takes what waits.
template <const char* name, int type>
void full_queue(Place& at) {
  at.serve(name, type, 0);
  for (int fd = -1, tries = 0; tries < 8; ++tries) {
    at.keep(fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (at.reach(fd, name)) continue;
    Place::must(errno == EAGAIN);
    return;
  }
  Place::must(false);
}
// A datagram server that talks to somebody else takes nothing from anybody.
template <const char* name>
void taken(Place& at) {
  const std::string other = std::string(name) + "2";
  at.serve(other, SOCK_DGRAM, -1);
  Place::must(at.reach(at.serve(name, SOCK_DGRAM, -1), other));
}
void gone(Place& at) {
  at.serve("s", SOCK_SEQPACKET, 1);
  at.quit();
}
void no_file_of_ours(Place& at) {
  at.serve("s", SOCK_SEQPACKET, 1);
  Place::must(::chmod(at.at("s").c_str(), 0600) == 0);
}
void one_file(Place& at) {
  at.file("f");
}
void nothing(Place& /*at*/) {}
void thread_of_the_kernel(Place& /*at*/) {
  if (::kill(2, 0) != 0) Place::cannot();  // in a container
}
void immutable(Place& at) {
  at.directory("d");
  at.attribute("d", FS_IMMUTABLE_FL);
}
void read_only(Place& at) {
  at.mount("m", "tmpfs");
  at.serve("m/s", SOCK_DGRAM, -1);
  at.remount_read_only("m", false);
}
sockaddr_in port_of(std::uint32_t address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address);
  return out;
}
// The address that the probes bind (probes/sockets.cc).
template <int type>
void port_in_use(Place& at) {
  const sockaddr_in address = port_of(0x7f000002, 4000);
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  at.keep(fd);
  Place::must(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
              (type == SOCK_DGRAM || ::listen(fd, 1) == 0));
}

constexpr auto own = Mode::own_server, stream = Mode::stream, seqpacket = Mode::seqpacket, dgram = Mode::dgram,
               sends = Mode::sendto;

std::vector<Situation> by_their_path() {
  std::vector<Situation> out = {
      {"MissingSocket", connect_unix, "s", "", ENOENT, before, nothing},
      {"NoSocket", connect_unix, "f", "", ECONNREFUSED, before, one_file},
      {"ServerThatQuit", connect_unix, "s", "", ECONNREFUSED, before, gone},
      {"ServerThatQuitToADatagram", connect_unix, "s", "", ECONNREFUSED, before, gone, As::root, sends},
      {"ServerThatQuitAsItsType", connect_unix, "s", "", ECONNREFUSED, before, gone, As::root, seqpacket},
      {"SocketWithoutPermission", connect_unix, "s", "", EACCES, same, no_file_of_ours, As::user},
      {"Stream", connect_unix, "s", "", 0, after, server<by_path, SOCK_STREAM>},
      {"Seqpacket", connect_unix, "s", "", 0, after, server<by_path, SOCK_SEQPACKET>},
      {"Datagram", connect_unix, "s", "", 0, after, server<by_path, SOCK_DGRAM>},
      {"DatagramSentTo", connect_unix, "s", "", 0, after, server<by_path, SOCK_DGRAM>, As::root, sends},
      {"DatagramOnAReadOnlyFileSystem", connect_unix, "m/s", "", 0, after, read_only},
      {"StreamToASeqpacket", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_SEQPACKET>, As::root,
       stream},
      {"DatagramToASeqpacket", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_SEQPACKET>, As::root,
       dgram},
      {"SendToASeqpacket", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_SEQPACKET>, As::root, sends},
      {"StreamToADatagram", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_DGRAM>, As::root, stream},
      {"SeqpacketToADatagram", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_DGRAM>, As::root,
       seqpacket},
      {"SeqpacketToAStream", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_STREAM>, As::root,
       seqpacket},
      {"SendToAStream", connect_unix, "s", "", EPROTOTYPE, before, server<by_path, SOCK_STREAM>, As::root, sends},
      {"IdleStream", connect_unix, "s", "", ECONNREFUSED, after, idle<by_path, SOCK_STREAM>},
      {"IdleStreamAsItsType", connect_unix, "s", "", ECONNREFUSED, after, idle<by_path, SOCK_STREAM>, As::root, stream},
      {"IdleSeqpacket", connect_unix, "s", "", ECONNREFUSED, after, idle<by_path, SOCK_SEQPACKET>},
      {"IdleSeqpacketAsItsType", connect_unix, "s", "", ECONNREFUSED, after, idle<by_path, SOCK_SEQPACKET>, As::root,
       seqpacket},
      {"IdleStreamAsAnotherType", connect_unix, "s", "", EPROTOTYPE, before, idle<by_path, SOCK_STREAM>, As::root,
       seqpacket},
      {"StreamThatIsShutDown", connect_unix, "s", "", ECONNREFUSED, after, shut_down<by_path, SOCK_STREAM>},
      {"SeqpacketThatIsShutDown", connect_unix, "s", "", ECONNREFUSED, after, shut_down<by_path, SOCK_SEQPACKET>},
      {"DatagramThatIsShutDown", connect_unix, "s", "", EPIPE, after, shut_down<by_path, SOCK_DGRAM>, As::root, sends},
      {"DatagramThatIsTaken", connect_unix, "s", "", EPERM, after, taken<by_path>},
      {"DatagramThatIsTakenSentTo", connect_unix, "s", "", EPERM, after, taken<by_path>, As::root, sends},
      // The client arrives: what the queue says of it comes last.
      {"StreamThatIsFull", connect_unix, "s", "", 0, after, full_queue<by_path, SOCK_STREAM>},
      {"SeqpacketThatIsFull", connect_unix, "s", "", 0, after, full_queue<by_path, SOCK_SEQPACKET>},
  };
  for (Situation& each : out) each.least_abi = resolves;
  const std::vector<Situation> of_ones_own = {
      {"OwnServerOntoAName", connect_unix, "f", "", EADDRINUSE, before, one_file, As::root, own},
      {"OwnServerInAnImmutableDirectory", connect_unix, "d/s", "", EPERM, after, immutable, As::root, own},
      {"OwnServerOnAReadOnlyFileSystem", connect_unix, "m/x", "", EROFS, before, read_only, As::root, own},
  };
  out.insert(out.end(), of_ones_own.begin(), of_ones_own.end());
  return out;
}

std::vector<Situation> without_a_path() {
  std::vector<Situation> out = {
      {"MissingName", connect_abstract, "s", "", ECONNREFUSED, before, nothing},
      {"NameOfAStream", connect_abstract, "s", "", 0, after, server<by_name, SOCK_STREAM>},
      {"NameOfASeqpacket", connect_abstract, "s", "", 0, after, server<by_name, SOCK_SEQPACKET>},
      {"NameOfADatagram", connect_abstract, "s", "", 0, after, server<by_name, SOCK_DGRAM>},
      {"NameOfADatagramSentTo", connect_abstract, "s", "", 0, after, server<by_name, SOCK_DGRAM>, As::root, sends},
      {"NameOfASeqpacketAsAStream", connect_abstract, "s", "", ECONNREFUSED, before, server<by_name, SOCK_SEQPACKET>,
       As::root, stream},
      {"NameOfAStreamSentTo", connect_abstract, "s", "", ECONNREFUSED, before, server<by_name, SOCK_STREAM>, As::root,
       sends},
      {"NameOfAnIdleStream", connect_abstract, "s", "", ECONNREFUSED, before, idle<by_name, SOCK_STREAM>},
      {"NameOfAStreamThatIsShutDown", connect_abstract, "s", "", ECONNREFUSED, before, shut_down<by_name, SOCK_STREAM>},
      {"NameOfADatagramThatIsShutDown", connect_abstract, "s", "", EPIPE, before, shut_down<by_name, SOCK_DGRAM>,
       As::root, sends},
      {"NameOfADatagramThatIsTaken", connect_abstract, "s", "", EPERM, same, taken<by_name>},
      {"NameOfAFullStream", connect_abstract, "s", "", EAGAIN, before, full_queue<by_name, SOCK_STREAM>, As::root,
       stream},
      {"SignalNobody", signal, "4194303", "", ESRCH, before, nothing},
      {"SignalSomebodyElses", signal, "2", "", EPERM, same, thread_of_the_kernel, As::user},
  };
  for (Situation& each : out) {
    each.scoped = true, each.least_abi = scopes;
    each.may_be_missing = each.make == thread_of_the_kernel;
  }
  std::vector<Situation> ports = {
      {"BindAPortInUse", bind_tcp, "", "", EADDRINUSE, after, port_in_use<SOCK_STREAM>},
      {"ConnectToNobody", connect_tcp, "", "", ECONNREFUSED, after, nothing},
      {"BindAUdpPortInUse", bind_udp, "", "", EADDRINUSE, after, port_in_use<SOCK_DGRAM>},
  };
  for (Situation& each : ports) {
    each.ports = true, each.port = 4000;
    each.least_abi = each.operation == bind_tcp || each.operation == connect_tcp ? tcp : udp;
  }
  out.insert(out.end(), ports.begin(), ports.end());
  return out;
}

class OrderOfSockets : public OrderTest {};
TEST_P(OrderOfSockets, IsTheKernels) {
  check();
}
INSTANTIATE_TEST_SUITE_P(ByPath, OrderOfSockets, ::testing::ValuesIn(by_their_path()), name_of);
INSTANTIATE_TEST_SUITE_P(WithoutAPath, OrderOfSockets, ::testing::ValuesIn(without_a_path()), name_of);

}  // namespace
}  // namespace lockstep::conformance::judge::order
