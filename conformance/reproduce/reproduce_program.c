#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The row. */
struct item { const char *kind, *path, *target; unsigned size; int executable; };
struct rule { const char *path; uint64_t rights; int from_baseline; };  /* rights as for a directory */
struct cell { const char *op, *mode, *actor, *target, *path, *path2; };

#include "reproduce_row.h"

/* From here on the same for every row. */
enum { cell_count = sizeof(cells) / sizeof(cells[0]) - 1, unset = -1000, unsupported = -1001 };
enum { create_ruleset = 444, add_rule = 445, restrict_self = 446 };

static int privileged;            /* started as root */
static int restricts;             /* 0: the control, which does everything but the restriction */
static char *top, *scratch;       /* where the tree is made; what $scratch is once it stands */
static pid_t sibling;             /* another process of the same identity, in no domain: $sibling */
static const char *filter = "";
static int answers_fd, program_fd;
static int *answers;              /* the control's, then the restricted child's: 0, an errno, or as above */
static int before[cell_count + 1];  /* descriptors of the cells whose mode is "before" */

static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }
static int result(long returned) { return returned < 0 ? errno : 0; }
static int *answer(int i) { return &answers[restricts * cell_count + i]; }

static int status_of(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Ends the child, and what is left of its group, after a minute at the latest. Not reaped yet, so that its number is no other's. */
static void end_group(pid_t pid) {
  const time_t deadline = time(NULL) + 60;
  const struct timespec nap = {1, 0};
  siginfo_t info;
  sigset_t ended, before;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ended, &before);
  for (info.si_pid = 0; info.si_pid != pid && time(NULL) < deadline;) {
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno != EINTR) break;
    if (info.si_pid != pid) sigtimedwait(&ended, NULL, &nap);
  }
  kill(-pid, SIGKILL);
  if (info.si_pid != pid) kill(pid, SIGKILL);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

_Noreturn static void die(int code, const char *what, const char *path) {
  fprintf(stderr, "%s%s%s: %s\n", what, *path != '\0' ? ", " : "", path, strerror(errno));
  _exit(code);
}
#define MUST(ok, path) do { if (!(ok)) die(4, "failed: " #ok, path); } while (0)

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...) {
  char *out = NULL;
  va_list list;
  va_start(list, format);
  MUST(vasprintf(&out, format, list) >= 0, "");
  va_end(list);
  return out;
}

static const char *error_name(int err) {
#define E(name) if (err == name) return #name;
  E(EPERM) E(ENOENT) E(ESRCH) E(EINTR) E(EIO) E(ENXIO) E(E2BIG) E(ENOEXEC) E(EBADF) E(ECHILD) E(EAGAIN) E(ENOMEM)
  E(EACCES) E(EFAULT) E(ENOTBLK) E(EBUSY) E(EEXIST) E(EXDEV) E(ENODEV) E(ENOTDIR) E(EISDIR) E(EINVAL) E(ENFILE)
  E(EMFILE) E(ENOTTY) E(ETXTBSY) E(EFBIG) E(ENOSPC) E(ESPIPE) E(EROFS) E(EMLINK) E(EPIPE) E(ENAMETOOLONG)
  E(ENOSYS) E(ENOTEMPTY) E(ELOOP) E(EOVERFLOW) E(EBADFD) E(ENOTSOCK) E(EOPNOTSUPP) E(EADDRINUSE)
  E(ECONNREFUSED) E(ECONNRESET) E(ENOTCONN) E(ETIMEDOUT) E(EPROTOTYPE) E(ESTALE) E(EDQUOT)
  return err == 0 ? "allow" : err == unsupported ? "none" : err == unset ? "?" : text("errno %d", err);
}

static char *name_of(const struct cell *c) {
  const int comm = is(c->op, "comm-open"), plain = is(c->mode, "plain"), self = is(c->actor, "self");
  return text("%s%s%s %s%s%s%s%s", c->op, plain ? "" : " ", plain ? "" : c->mode, comm ? c->target : c->path,
              comm || !*c->path2 ? "" : " ", comm ? "" : c->path2, self ? "" : " by ", self ? "" : c->actor);
}

static int selected(const struct cell *c) { return strstr(name_of(c), filter) != NULL; }

static char *resolved(const char *path) {
  char *out = strncmp(path, "$scratch", 8) == 0 ? text("%s%s", scratch, path + 8) : text("%s", path);
  char *at = strstr(out, "$sibling");
  return at == NULL ? out : text("%.*s%d%s", (int)(at - out), out, sibling, at + 8);
}

/* ---- the tree: modes are wide open, so that file permissions decide nothing ---- */
static void make_directory(const char *path) {
  MUST((mkdir(path, 0777) == 0 || errno == EEXIST) && chmod(path, 0777) == 0, path);
}

static void make_parents(char *path) {
  for (char *slash = strchr(path + strlen(top) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (access(path, F_OK) != 0) make_directory(path);
    *slash = '/';
  }
}

static void make_file(const char *path, unsigned size, int executable) {
  const uid_t owner = is(identity, "user") ? row_user : 0;
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  MUST(fd >= 0, path);
  while (size-- > 0) MUST(write(fd, ".", 1) == 1, path);  /* to execute it is ENOEXEC */
  MUST(fchmod(fd, executable ? 0777 : 0666) == 0 && (!privileged || fchown(fd, owner, owner) == 0), path);
  close(fd);
}

static void bind_onto(const char *source, const char *path) {
  struct stat st;
  MUST(stat(source, &st) == 0, source);
  if (S_ISDIR(st.st_mode)) make_directory(path);
  else make_file(path, 0, 0);
  MUST(mount(source, path, NULL, MS_BIND | MS_REC, NULL) == 0, path);
}

/* Who may not mknod gets the slave of a new terminal bound onto the name: each has an inode of its own. */
static void make_terminal(const char *path) {
  const char *terminals = text("%s/.terminals", top), *ptmx = text("%s/ptmx", terminals);
  int unlocked = 0, number = 0;
  if (access(ptmx, F_OK) != 0) {
    make_directory(terminals);
    MUST(mount("devpts", terminals, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0666") == 0,
         terminals);
  }
  int master = open(ptmx, O_RDWR | O_NOCTTY | O_CLOEXEC);  /* stays open: the slave lives as long */
  MUST(master >= 0 && ioctl(master, TIOCSPTLCK, &unlocked) == 0, ptmx);
  MUST(ioctl(master, TIOCGPTN, &number) == 0, ptmx);
  bind_onto(text("%s/%d", terminals, number), path);
}

static void make_character(const char *name, const char *path) {
  const int null = is(name, "/dev/null"), zero = is(name, "/dev/zero");
  if (privileged) {  /* 1:9, urandom, answers an ioctl with 0 for anyone who has it open */
    MUST(mknod(path, S_IFCHR, makedev(1, null ? 3 : zero ? 5 : 9)) == 0 && chmod(path, 0666) == 0, path);
  } else if (null || zero || is(name, "/dev/urandom")) {
    bind_onto(name, path);
  } else {
    make_terminal(path);
  }
}

enum use { use_bind, use_connect, use_send };

/* A socket of the type at the path. Returns it, -1, or `unsupported` where the path does not fit. A full queue (EAGAIN) is found
   out last: the client had arrived. */
static int socket_at(const char *path, int type, enum use use) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(to.sun_path)) return unsupported;
  memcpy(to.sun_path, path, strlen(path));
  const struct sockaddr *at = (const struct sockaddr *)&to;
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | (use == use_bind ? 0 : SOCK_NONBLOCK), 0);
  if (fd < 0) return fd;
  const long done = use == use_bind ? bind(fd, at, sizeof(to)) : use == use_connect ? connect(fd, at, sizeof(to))
                                    : sendto(fd, "", 0, MSG_NOSIGNAL, at, sizeof(to));
  if (done == 0 || (use != use_bind && errno == EAGAIN)) return fd;
  const int err = errno;
  close(fd);
  errno = err;
  return -1;
}

static int type_named(const char *word) {
  return is(word, "seqpacket") ? SOCK_SEQPACKET : is(word, "dgram") || is(word, "sendto") ? SOCK_DGRAM : SOCK_STREAM;
}

static void make_server(const char *path, int type) {
  const int fd = socket_at(path, type, use_bind);  /* stays open, and stands outside the domain */
  if (fd == unsupported) make_file(path, 0, 0);
  else MUST(fd >= 0 && (type == SOCK_DGRAM || listen(fd, 16) == 0) && chmod(path, 0666) == 0, path);
}

/* As the server's own type where the mode names none: a client of another type is told EPROTOTYPE. */
static int connect_at(const char *path, const char *mode) {
  static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  if (!is(mode, "plain")) return socket_at(path, type_named(mode), is(mode, "sendto") ? use_send : use_connect);
  int fd = -1;
  errno = EPROTOTYPE;
  for (int i = 0; i < 3 && fd == -1 && errno == EPROTOTYPE; ++i) fd = socket_at(path, types[i], use_connect);
  return fd;
}

static void make(const struct item *item) {
  char *path = simulated ? text("%s%s", top, item->path) : resolved(item->path);
  const char *target = simulated ? text("%s%s", top, item->target) : resolved(item->target);
  make_parents(path);
  if (is(item->kind, "directory")) make_directory(path);
  if (is(item->kind, "file")) make_file(path, item->size, item->executable);
  if (is(item->kind, "character")) make_character(item->path, path);
  if (is(item->kind, "fifo")) MUST(mkfifo(path, 0666) == 0, path);
  if (is(item->kind, "socket")) make_server(path, type_named(item->target));
  if (is(item->kind, "symlink")) MUST(symlink(item->target, path) == 0, path);
  if (is(item->kind, "hard-link")) MUST(link(target, path) == 0, path);
  if (is(item->kind, "bind")) bind_onto(target, path);
}

static void say(const char *path, const char *words) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  MUST(fd >= 0 && write(fd, words, strlen(words)) == (ssize_t)strlen(words), path);
  close(fd);
}

/* A simulated host is the root of a private mount namespace; /proc (and /sys) are the machine's. */
static void lay_out(void) {
  const unsigned uid = getuid(), gid = getgid();
  if (simulated) {
    if (unshare(privileged ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) die(3, "unshare", "");
    if (!privileged) {
      say("/proc/self/setgroups", "deny");
      say("/proc/self/uid_map", text("%u %u 1", uid, uid));
      say("/proc/self/gid_map", text("%u %u 1", gid, gid));
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die(3, "mount", "/");
    MUST(mount("tmpfs", top, "tmpfs", MS_NOSUID, "mode=0755,size=64m") == 0, top);
  }
  for (const struct item *item = tree; item->path != NULL; ++item)
    if (simulated || !is(item->path, "$scratch")) make(item);
  if (!simulated) return;
  bind_onto("/proc", text("%s/proc", top));
  if (bind_sys) bind_onto("/sys", text("%s/sys", top));
  MUST(chdir(top) == 0 && syscall(SYS_pivot_root, ".", ".") == 0, top);
  MUST(umount2(".", MNT_DETACH) == 0 && chdir("/") == 0, "");
}

/* ---- the rules ---- */
static int make_ruleset(void) {
  const uint64_t attr = handled;
  struct stat root, st;
  int taken = 0, ruleset = (int)syscall(create_ruleset, &attr, sizeof(attr), 0);
  MUST(ruleset >= 0 && stat("/", &root) == 0, "");
  for (const struct rule *rule = rules; rule->path != NULL; ++rule) {
    struct { uint64_t rights; int32_t fd; } beneath;
    const int insists = hard_requirement && !rule->from_baseline;
    beneath.fd = open(rule->path, O_PATH | O_CLOEXEC);  /* stays open: procfs forgets a rule with its entry */
    if (beneath.fd < 0 && !insists) continue;
    MUST(beneath.fd >= 0 && fstat(beneath.fd, &st) == 0, rule->path);
    errno = EINVAL;  /* what is refused from here to the system call */
    const int changes = (rule->rights & ~read_only) != 0;
    MUST(!changes || st.st_dev != root.st_dev || st.st_ino != root.st_ino, rule->path);
    beneath.rights = S_ISDIR(st.st_mode) ? rule->rights : rule->rights & on_files;
    if (beneath.rights == 0 && !insists) continue;
    MUST(beneath.rights != 0 && syscall(add_rule, ruleset, 1, &beneath, 0) == 0, rule->path);
    ++taken;
  }
  MUST(taken > 0, "no rule is left");
  return ruleset;
}

/* ---- the identity ---- */
static void drop(uint64_t keep) {
  struct { uint32_t version; int pid; } header = {0x20080522, 0};
  struct { uint32_t effective, permitted, inheritable; } caps[2] = {{0, 0, 0}, {0, 0, 0}};
  const int self = !privileged || is(identity, "self");
  const uid_t uid = self ? getuid() : is(identity, "user") ? row_user : 0;
  const gid_t gid = self ? getgid() : uid;
  MUST(syscall(SYS_capget, &header, caps) == 0, "");
  const uint64_t have = (uint64_t)caps[1].permitted << 32 | caps[0].permitted;
  keep = uid != 0 || self ? 0 : keep & have;
  if ((have >> 8 & 1) != 0) {  /* CAP_SETPCAP */
    for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
      MUST((keep >> cap & 1) != 0 || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0, "the bounding set");
    /* SECBIT_NOROOT, locked: else executing anything as uid 0 would give the bounding set back. */
    const int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) | 3;
    MUST(uid != 0 || (have & ~keep) == 0 || prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0, "");
  }
  MUST(self || getgroups(0, NULL) == 0 || syscall(SYS_setgroups, 0, NULL) == 0, "");
  MUST(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0, "");
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int i = 0; i < 2; ++i) {
    caps[i].effective = caps[i].permitted = (uint32_t)(keep >> (32 * i));
    caps[i].inheritable = 0;
  }
  MUST(syscall(SYS_capset, &header, caps) == 0, "");
}

static void die_with(pid_t parent) {
  MUST(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent, "");
}

static pid_t start_sibling(void) {
  int status = 0;
  const pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    drop(0);
    MUST(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && setpgid(0, 0) == 0, "");
    die_with(parent);
    raise(SIGSTOP);  /* says that it is ready; nobody lets it go on */
    _exit(1);
  }
  MUST(pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "");
  return pid;
}

/* ---- the operations ---- */
#define QUIET (O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* must not hang on a fifo or take a terminal */

/* Changes nothing. A driver that refuses the request as unknown was reached: it got past Landlock. */
static int harmless_ioctl(int fd) {
  struct stat st = {0};
  char buffer[256];
  const int device = fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
  const int random = S_ISCHR(st.st_mode) && (st.st_rdev == makedev(1, 8) || st.st_rdev == makedev(1, 9));
  const unsigned long entropy = _IOR('R', 0, int), request = device && random ? entropy : (unsigned long)TCGETS;
  const int err = result(ioctl(fd, request, buffer));
  return device && (err == ENOTTY || err == EINVAL) ? 0 : err;
}

static int flags_of(const char *op) {  /* -1: not of the open family */
  return is(op, "open-r") ? O_RDONLY | QUIET : is(op, "open-w") || is(op, "ftruncate") ? O_WRONLY | QUIET :
         is(op, "open-rw") || is(op, "ioctl") ? O_RDWR | QUIET : is(op, "opendir") ? O_DIRECTORY | QUIET :
         is(op, "open-path") || is(op, "reopen-fd") ? O_PATH | O_CLOEXEC :
         is(op, "open-trunc") ? O_WRONLY | O_TRUNC | QUIET : is(op, "tmpfile") ? O_WRONLY | O_TMPFILE | O_CLOEXEC :
         is(op, "create") ? O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC : -1;
}

static int closed(int fd) {  /* the errno of what returned the descriptor */
  const int err = fd == unsupported ? unsupported : result(fd);
  if (fd >= 0) close(fd);
  return err;
}

/* Which operations act on a descriptor, opened now or before the restriction. */
static int has_fd(const char *op) { return is(op, "ftruncate") || is(op, "ioctl") || is(op, "reopen-fd"); }

static int on_fd(const char *op, int fd) {
  if (is(op, "ftruncate")) return result(ftruncate(fd, 1));
  if (is(op, "ioctl")) return harmless_ioctl(fd);
  return closed(open(text("/proc/self/fd/%d", fd), O_RDONLY | QUIET));
}

/* In a child: should the file run after all, this process must not be replaced. -1: it was killed. */
static int try_exec(const char *path, volatile int *shared) {
  *shared = -1;
  const pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    char *argv[] = {(char *)path, NULL}, *envp[] = {NULL};
    execve(path, argv, envp);
    *shared = errno;
    _exit(0);
  }
  const int exited = status_of(pid) >= 0;
  return *shared == -1 && exited ? 0 : *shared;
}

struct parked { pthread_barrier_t meet; pid_t tid; };

static void *park(void *argument) {
  struct parked *parked = argument;
  parked->tid = (pid_t)syscall(SYS_gettid);
  for (int i = 0; i < 2; ++i) pthread_barrier_wait(&parked->meet);  /* has its tid; was named */
  return NULL;
}

/* The write that names a thread. Mode "setname" is what glibc's pthread_setname_np() does. */
static int try_comm(const char *mode, const char *target, const char *path) {
  static const char name[] = "cuda-EvtHandlr";
  const int own = is(target, "own"), other_process = is(target, "other-process");
  struct parked parked;
  pthread_t thread;
  char was[16];
  prctl(PR_GET_NAME, was, 0, 0, 0);
  parked.tid = (pid_t)syscall(SYS_gettid);
  if (!own && !other_process) {
    pthread_barrier_init(&parked.meet, NULL, 2);
    if ((errno = pthread_create(&thread, NULL, park, &parked)) != 0) return errno;
    pthread_barrier_wait(&parked.meet);
  }
  if (is(target, "numeric")) path = text("/proc/%d/task/%d/comm", getpid(), parked.tid);
  else if (!other_process) path = text("/proc/self/task/%d/comm", parked.tid);
  int err = 0;
  if (is(mode, "prctl") || (is(mode, "setname") && own)) {
    err = result(prctl(PR_SET_NAME, name, 0, 0, 0));
  } else {
    const int flags = is(mode, "wronly") ? O_WRONLY : is(mode, "trunc") ? O_WRONLY | O_TRUNC : O_RDWR;
    const int fd = open(path, flags | O_CLOEXEC);
    const ssize_t written = fd < 0 ? fd : write(fd, name, sizeof(name) - 1);
    err = written < 0 ? errno : written == sizeof(name) - 1 ? 0 : EIO;
    if (fd >= 0) close(fd);
  }
  if (own) prctl(PR_SET_NAME, was, 0, 0, 0);
  if (!own && !other_process) {
    pthread_barrier_wait(&parked.meet);
    pthread_join(thread, NULL);
  }
  return err;
}

static int attempt(const struct cell *c, int before_fd, volatile int *shared) {
  const char *op = c->op, *path = resolved(c->path), *path2 = resolved(c->path2);
  char buffer[64];
  struct stat st;
  if (is(c->mode, "before")) return before_fd < 0 ? unsupported : on_fd(op, before_fd);
  if (flags_of(op) >= 0) {
    const int fd = open(path, flags_of(op), 0666), err = fd < 0 ? errno : has_fd(op) ? on_fd(op, fd) : 0;
    if (fd >= 0) close(fd);
    return err;
  }
  if (is(op, "truncate")) return result(truncate(path, 1));
  if (is(op, "rename")) return result(syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, path2, 0));
  if (is(op, "exchange")) return result(syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, path2, 2));
  if (is(op, "link")) return result(link(path, path2));
  if (is(op, "mkdir")) return result(mkdir(path, 0777));
  if (is(op, "mkfifo")) return result(mknod(path, S_IFIFO | 0666, 0));
  if (is(op, "mknod-chr")) return result(mknod(path, S_IFCHR | 0666, makedev(1, 3)));
  if (is(op, "mknod-blk")) return result(mknod(path, S_IFBLK | 0666, makedev(7, 0)));
  if (is(op, "mksock")) return closed(socket_at(path, SOCK_STREAM, use_bind));
  if (is(op, "connect-unix")) return closed(connect_at(path, c->mode));
  if (is(op, "symlink")) return result(symlink("target", path));
  if (is(op, "unlink")) return result(unlink(path));
  if (is(op, "rmdir")) return result(rmdir(path));
  if (is(op, "exec")) return try_exec(path, shared);
  if (is(op, "stat")) return result(stat(path, &st));
  if (is(op, "chmod")) return result(chmod(path, 0666));
  if (is(op, "readlink")) return result(readlink(path, buffer, sizeof(buffer)));
  return is(op, "comm-open") ? try_comm(c->mode, c->target, path) : ENOSYS;
}

/* ---- the actors ---- */
static void run_cells(const char *actor) {
  for (int i = 0; i < cell_count; ++i)
    if (is(cells[i].actor, actor) && selected(&cells[i]))
      *answer(i) = attempt(&cells[i], before[i], answer(i));
}

static void *thread_main(void *nothing) {
  run_cells("thread");
  return nothing;
}

/* Executed from memory, which is never denied: what is tried is a program's accesses. */
_Noreturn static void exec_actor(void) {
  char *envp[] = {NULL}, *argv[] = {"exec-actor", text("%d", answers_fd), text("%d", restricts),
                                    text("%d", sibling), scratch, (char *)filter, NULL};
  fcntl(answers_fd, F_SETFD, 0);
  syscall(SYS_execveat, program_fd, "", argv, envp, AT_EMPTY_PATH);
  _exit(1);
}

static int forked(const char *actor, int depth) {
  const pid_t pid = fork();
  MUST(pid >= 0, "");
  if (pid == 0) {
    if (depth > 1) _exit(forked(actor, depth - 1) ? 42 : 1);
    if (is(actor, "exec")) exec_actor();
    run_cells(actor);
    _exit(42);
  }
  return status_of(pid) == 42;
}

static void map_answers(void) {
  answers = mmap(NULL, 2 * cell_count * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, answers_fd, 0);
  MUST(answers != MAP_FAILED, "");
}

_Noreturn static void child(pid_t parent) {
  pthread_t thread;
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  MUST(null >= 0 && dup2(null, 0) == 0 && setpgid(0, 0) == 0, "");
  die_with(parent);
  signal(SIGINT, SIG_DFL);
  alarm(30);
  umask(0);
  lay_out();
  if (simulated && !privileged) sibling = start_sibling();  /* one of its own user namespace */
  const int ruleset = make_ruleset();
  for (int i = 0; i < cell_count; ++i) {
    const int opens = is(cells[i].mode, "before") && has_fd(cells[i].op);
    before[i] = opens ? open(resolved(cells[i].path), flags_of(cells[i].op)) : -1;
  }
  drop(is(identity, "root") ? ~(uint64_t)0 : is(identity, "container-root") ? container_capabilities : 0);
  MUST(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "");
  die_with(parent);
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "");
  MUST(!restricts || syscall(restrict_self, ruleset, 0) == 0, "");
  run_cells("self");
  MUST(pthread_create(&thread, NULL, thread_main, NULL) == 0 && pthread_join(thread, NULL) == 0, "thread");
  MUST(forked("child", 1), "child");
  MUST(forked("grandchild", 2), "grandchild");
  /* A program with a loader (AT_BASE) cannot be expected to find it and its libraries in there. */
  MUST(forked("exec", 1) || getauxval(AT_BASE) != 0, "exec");
  if (simulated && !privileged) kill(sibling, SIGKILL);
  _exit(42);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

/* The control, then the restricted child, each with a tree of its own. Returns an exit code. */
static int run_both(const char *work) {
  for (restricts = 0; restricts < 2; ++restricts) {
    top = text(simulated ? "%s/root" : restricts ? "%s/0r" : "%s/0c", work);
    scratch = simulated ? "/scratch" : top;
    make_directory(top);
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) child(parent);
    MUST(pid > 0, "");
    end_group(pid);
    const int status = status_of(pid);
    if (status == 42) continue;
    fprintf(stderr, "the %s child did not come to its end\n", restricts ? "restricted" : "control");
    return status == 3 ? 3 : 4;
  }
  return 0;
}

static int show(void) {
  int shown = 0;
  printf("# control     restricted  cell\n");
  for (int i = 0; i < cell_count; ++i) {
    int control = answers[i], restricted = answers[cell_count + i];
    if (!selected(&cells[i])) continue;
    const int untried = control == unset || restricted == unset;
    if (control == unsupported || restricted == unsupported) control = restricted = unsupported;
    if (untried) control = restricted = unset;
    printf("%-12s  %-10s  %s%s\n", error_name(control), error_name(restricted), name_of(&cells[i]),
           untried ? "  (exec actor: build with -static)" : "");
    ++shown;
  }
  if (left_out > 0) printf("# %d cells are left out: what is no operation on files\n", left_out);
  if (shown == 0) fprintf(stderr, "no cell has \"%s\" in its name\n", filter);
  return shown > 0 ? 0 : 2;
}

static void take_part_in(char **argv) {  /* as the exec actor */
  answers_fd = atoi(argv[1]), restricts = atoi(argv[2]), sibling = atoi(argv[3]);
  scratch = argv[4], filter = argv[5];
  for (int i = 0; i < cell_count; ++i) before[i] = -1;
  map_answers();
  run_cells("exec");
  _exit(42);
}

int main(int argc, char **argv) {
  if (argc == 6 && is(argv[0], "exec-actor")) take_part_in(argv);
  if (argc > 1) filter = argv[1];
  signal(SIGCHLD, SIG_DFL);  /* whoever started this may have it ignored: children would vanish as they end */
  const long abi = syscall(create_ruleset, NULL, 0, 1);
  if (abi < 1) die(3, "no Landlock here", "");
  errno = EOPNOTSUPP;
  if (abi < plan_abi) die(3, "the row's plan", text("ABI %d on ABI %ld", plan_abi, abi));
  privileged = geteuid() == 0;
  const char *temporary = getenv("TMPDIR");
  char *work = text("%s/lockstep.XXXXXX", temporary != NULL && *temporary == '/' ? temporary : "/tmp");
  const int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  answers_fd = memfd_create("answers", MFD_CLOEXEC);
  program_fd = memfd_create("program", MFD_CLOEXEC);
  MUST(exe >= 0 && program_fd >= 0 && ftruncate(answers_fd, 2 * cell_count * sizeof(int)) == 0, "");
  while (sendfile(program_fd, exe, NULL, 1 << 20) > 0) {}
  map_answers();
  for (int i = 0; i < 2 * cell_count; ++i) answers[i] = unset;
  if (!simulated || privileged) sibling = start_sibling();
  signal(SIGINT, SIG_IGN);  /* from here on there is a directory to remove */
  MUST(mkdtemp(work) != NULL && chmod(work, 0711) == 0, work);
  const int code = run_both(work);
  if (sibling > 0) kill(sibling, SIGKILL);
  nftw(work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return code != 0 ? code : show();
}
