// Times OpenBLAS sgemm, the peer of cpuref's gemm: one JSON line a shape, checked against double before it is timed.
//
//	cc -O2 -o openblas openblas.c -ldl
//	OPENBLAS_CORETYPE=Haswell ./openblas [threads] [MxNxK ...]
//
// The library is opened at run time (Debian: libopenblas0), so nothing but a C compiler is needed to build.
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void sgemm_fn(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

// normal is a unit normal number, seeded, so that runs repeat.
static float normal(void) {
	static unsigned long long s = 1;
	double u[2];
	for (int i = 0; i < 2; i++) {
		s = s * 6364136223846793005ull + 1442695040888963407ull;
		u[i] = ((s >> 11) + 1) * 0x1p-53;
	}
	return sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]);
}

static float *matrix(size_t n, int filled) {
	float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
	if (!x) exit(1);
	for (size_t i = 0; i < n; i++) x[i] = filled ? normal() : 0;
	return x;
}

static int ascending(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int run(sgemm_fn *sgemm, const char *core, int threads, const char *shape) {
	enum { row_major = 101, no_trans = 111, most = 1000 };
	static double times[most];
	int m, n, k, runs = 0;
	if (sscanf(shape, "%dx%dx%d", &m, &n, &k) != 3) {
		fprintf(stderr, "openblas: shape got %s, want MxNxK\n", shape);
		return 1;
	}
	float *a = matrix((size_t)m * k, 1), *b = matrix((size_t)k * n, 1), *c = matrix((size_t)m * n, 0);
	double worst = 0;
	for (double end = now() + 1; runs < most && (runs < 5 || now() < end); runs++) {
		double start = now();
		sgemm(row_major, no_trans, no_trans, m, n, k, 1, a, k, b, n, 0, c, n);
		times[runs] = now() - start;
		if (runs > 0) continue;
		for (int i = 0; i < 1000; i++) { // a sample of the elements
			int r = (i * 7919L) % m, col = (i * 104729L) % n;
			double want = 0;
			for (int j = 0; j < k; j++) want += (double)a[(size_t)r * k + j] * b[(size_t)j * n + col];
			worst = fmax(worst, fabs(c[(size_t)r * n + col] - want));
		}
		if (!(worst <= 1e-4 * sqrt(k))) {
			fprintf(stderr, "openblas: %s is off by %g\n", shape, worst);
			return 1;
		}
	}
	qsort(times, runs, sizeof *times, ascending);
	double work = 2e-9 * m * n * k;
	printf("{\"runner\":\"openblas\",\"core\":\"%s\",\"m\":%d,\"n\":%d,\"k\":%d,\"threads\":%d,\"runs\":%d,\"us\":%.1f,\"gflops\":%.1f,\"gflops_best\":%.1f,\"max_err\":%.2g}\n",
	       core, m, n, k, threads, runs, times[runs / 2] * 1e6, work / times[runs / 2], work / times[0], worst);
	fflush(stdout);
	free(a);
	free(b);
	free(c);
	return 0;
}

int main(int argc, char **argv) {
	void *lib = dlopen("libopenblas.so.0", RTLD_NOW);
	if (!lib) {
		fprintf(stderr, "openblas: %s\n", dlerror());
		return 1;
	}
	sgemm_fn *sgemm = (sgemm_fn *)dlsym(lib, "cblas_sgemm");
	void (*set_threads)(int) = (void (*)(int))dlsym(lib, "openblas_set_num_threads");
	char *(*core)(void) = (char *(*)(void))dlsym(lib, "openblas_get_corename");
	if (!sgemm || !set_threads || !core) {
		fprintf(stderr, "openblas: libopenblas.so.0 lacks cblas_sgemm\n");
		return 1;
	}
	int threads = argc > 1 ? atoi(argv[1]) : 2;
	set_threads(threads);
	if (argc <= 2) return run(sgemm, core(), threads, "1024x768x768");
	for (int i = 2; i < argc; i++)
		if (run(sgemm, core(), threads, argv[i])) return 1;
	return 0;
}
