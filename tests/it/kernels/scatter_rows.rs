use mirscope::{kernels::scatter_rows::scatter_rows, reference};

use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(15);
    for width in [1, 5, 64, 67] {
        let source = random.normals(6 * width);
        let source_t = gpu.upload(6, width, &source).unwrap();
        let mut expected = random.normals(9 * width);
        let out = gpu.upload(9, width, &expected).unwrap();
        // The last index lies beyond the result.
        let indices = [8, 0, 3, 40];
        reference::scatter_rows(&indices, &source, 2, width, &mut expected);
        let indices_t = gpu.upload_indices(&indices).unwrap();
        let found = run(
            &gpu,
            [scatter_rows(&indices_t, &source_t, 2, &out).unwrap()],
            &out,
        );
        assert_eq!(found, expected, "width {width}");
    }
}
